// The driver's scheduler: jobs to stages, stages to tasks, tasks to executors, and what to do when any of them is lost.
#pragma once

#include <salamander/scheduler/allocation.hpp>
#include <salamander/scheduler/events.hpp>

#include <memory>

namespace salamander::scheduler {

/// When a running task gets a second attempt on another executor; the first of the two to succeed counts.
/// A stage with fewer than `tasks_min` tasks gets none for being slow, however the feature was switched on: a median of a few
/// durations says little. What runs on a suspected executor gets one at once, in stages of any size.
struct speculation_options {
  bool enabled = true;
  duration interval = std::chrono::milliseconds(100);          ///< between two looks at the running tasks
  double multiplier = 1.5;                                     ///< times the median of successful durations
  double quantile = 0.75;                                      ///< of the tasks must have succeeded before
  duration task_run_time_min = std::chrono::milliseconds(100); ///< nothing shorter is slow
  std::uint32_t tasks_min = 20;
};

/// Which executors and nodes get no more tasks after failures there. Without `tasks_and_stages` there is only a soft rule: a task
/// that failed somewhere waits up to `retry_elsewhere_wait` for another executor.
struct exclusion_options {
  bool tasks_and_stages = false;
  bool application = false;
  std::uint32_t task_attempts_per_executor_max = 1;
  std::uint32_t task_attempts_per_node_max = 2;
  std::uint32_t stage_failed_tasks_per_executor_max = 2;
  std::uint32_t stage_failed_executors_per_node_max = 2;
  std::uint32_t application_failed_tasks_per_executor_max = 2;
  std::uint32_t application_failed_executors_per_node_max = 2;
  duration timeout = std::chrono::hours(1); ///< how long the application excludes somebody
  bool kill_excluded = false;               ///< executors that the application excludes are ended, and so replaced
  bool kill_possible = true;                ///< false: executors are not processes, and none would replace them
  bool fetch_failures = false;              ///< the application excludes whoever could not serve a block
  duration unschedulable_timeout = std::chrono::seconds(120);
  duration retry_elsewhere_wait = std::chrono::seconds(30);
};

/// Barrier stages need a free core for each of their tasks at the same time.
struct barrier_options {
  duration slots_check_interval = std::chrono::seconds(15); ///< between two looks for enough cores, free or not
  std::uint32_t slots_check_failures_max = 40;              ///< a job is failed after one more
  std::uint32_t slots_max = 0;                              ///< that executors will ever have together; 0: unknown
};

/// What becomes of the blocks of an executor that leaves. Without `enabled` it ends when its tasks have, and they are computed again.
struct handover_options {
  bool enabled = true;
  bool cached = true;             ///< cached blocks move
  bool map_outputs = true;        ///< map outputs move
  std::uint32_t at_once_max = 8;  ///< blocks on their way to one executor
  std::uint32_t leaving_max = 64; ///< blocks on their way from one executor
  std::uint32_t failures_max = 3; ///< of one block, before it waits for `retry_wait`
  duration retry_wait = std::chrono::seconds(30);
};

/// A share of the executors for jobs that name it.
struct pool_options {
  std::string name;
  std::uint32_t weight = 1;    ///< relative to other pools; at least 1
  std::uint32_t min_share = 0; ///< cores it gets before others get more than theirs
  bool fair = false;           ///< between the stages in it; else first come first served
};

/// Limits and waits. Defaults are Spark's unless design says otherwise.
struct scheduler_options {
  std::uint32_t task_failures_max = 4;          ///< of one task in a row, over all attempts of its stage
  std::uint32_t out_of_memory_failures_max = 3; ///< of these, for want of memory: more attempts seldom find more
  std::uint32_t task_cpus = 1;                  ///< cores that one task takes; executors run cores / task_cpus at once
  std::uint32_t stage_attempts_max = 4;         ///< consecutive failed attempts of one stage
  duration locality_wait = std::chrono::seconds(3);
  duration resubmit_delay = std::chrono::milliseconds(0); ///< collects a burst of fetch failures before the map stage reruns
  /// Before the attempt of a stage that follows two in a row that lacked inputs; doubled before each further one.
  duration resubmit_pause = std::chrono::milliseconds(100);
  std::uint64_t result_bytes_max = 1ULL << 30; ///< of one job; 0: no limit
  /// Tasks sent ahead of free cores to an executor when tasks of a stage take far less than a message's round trip.
  std::uint32_t lookahead_tasks_max = 64;
  duration starvation_warning = std::chrono::seconds(15); ///< tasks to launch and nothing running for so long is worth a warning
  speculation_options speculation;
  exclusion_options exclusion;
  barrier_options barrier;
  std::uint64_t first_task = 1; ///< ids of tasks begin here
  handover_options handover;
  bool fair = false;               ///< jobs share the executors by their pools; else first come first served
  std::vector<pool_options> pools; ///< others are made with defaults when a job names them
};

/// The whole decision-making of a driver as one state machine. Same events and times, same actions.
/// Threads: none of its own; use from one thread.
class driver_scheduler {
public:
  explicit driver_scheduler(scheduler_options options);
  driver_scheduler(const driver_scheduler&) = delete;
  driver_scheduler& operator=(const driver_scheduler&) = delete;
  ~driver_scheduler();

  std::vector<action> handle(const event& what, time_point now);

  // What the shell needs to build a stage's plan and orders.

  /// The dataset that the stage's tasks compute, and for a map stage the child and the index of its wide dependency.
  struct stage_program {
    std::shared_ptr<const core::lineage> dataset;
    std::shared_ptr<const core::lineage> map_child; ///< null for a result stage
    std::size_t map_dependency = 0;
    job_id job; ///< result stages: whose action to run
  };
  stage_program program_of(stage_id stage) const;

  struct stage_inputs {
    std::vector<std::pair<shuffle_id, shuffle_locations>> shuffles;
    std::vector<std::pair<cached_block, executor_id>> cached; ///< one live holder for each cached block the stage may read
  };
  stage_inputs inputs_of(stage_id stage) const;
  /// None for a stage that nobody needs any more.
  std::vector<job_id> jobs_of(stage_id stage) const;

  /// Whether what was added to accumulators while a partition of a cached dataset was computed is to be counted: the first time.
  bool counts(const cached_block& computed);

  // Snapshots for status and tests.
  std::uint32_t total_cores() const;
  std::uint32_t cached_partitions(rdd_id dataset) const;
  std::uint32_t running_tasks(executor_id executor) const;
  driver_load load() const;
  bool holds_blocks(executor_id executor) const; ///< map outputs or cached partitions; linear in all there are
  bool leaving(executor_id executor) const;      ///< it was asked to leave, and is not released
  bool idle() const;                             ///< no job, no task, nothing waiting

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::scheduler
