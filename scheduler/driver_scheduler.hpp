// The driver's scheduler: jobs to stages, stages to tasks, tasks to executors, and what to do when any of them is lost.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <memory>

namespace salamander::scheduler {

/// Limits and waits. Defaults are Spark's unless design says otherwise.
struct scheduler_options {
  std::uint32_t task_failures_max = 4;  ///< of one task within one stage attempt
  std::uint32_t stage_attempts_max = 4; ///< consecutive failed attempts of one stage
  duration locality_wait = std::chrono::seconds(3);
  duration resubmit_delay = std::chrono::milliseconds(0); ///< collects a burst of fetch failures before the map stage reruns
  std::uint64_t result_bytes_max = 1ULL << 30;            ///< of one job; 0: no limit
  /// Tasks sent ahead of free cores to an executor when tasks of a stage take far less than a message's round trip.
  std::uint32_t lookahead_tasks_max = 64;
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

  // Snapshots for status and tests.
  std::uint32_t total_cores() const;
  std::uint32_t cached_partitions(rdd_id dataset) const;
  std::uint32_t running_tasks(executor_id executor) const;
  bool idle() const; ///< no job, no task, nothing waiting

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::scheduler
