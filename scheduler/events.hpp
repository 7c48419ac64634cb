// What the driver's scheduler is told and what it decides: plain data, no clock, no threads, no CAF.
#pragma once

#include <salamander/rdd/lineage.hpp>
#include <salamander/scheduler/ids.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace salamander::scheduler {

/// Time as the shell sees it: a steady clock's, or a test's own.
using time_point = std::chrono::time_point<std::chrono::steady_clock>;
using duration = std::chrono::steady_clock::duration;

// -- facts (events) -----------------------------------------------------------

struct job_submitted {
  job_id job;
  std::shared_ptr<const core::lineage> final;
  std::vector<std::uint32_t> partitions;
  std::string pool{};     ///< FAIR scheduling: whose share it uses; empty: the pool "default"
  bool repeatable = true; ///< false: the action has effects of its own, so that a task which has finished must not run again
};

struct job_cancelled {
  job_id job;
  std::string reason;
};

/// Map outputs that an earlier start of this driver has left in files. Comes before the first job that needs the shuffle.
struct outputs_found {
  shuffle_id shuffle;
  std::uint32_t partitions = 0; ///< that the shuffle has
  std::vector<shuffle_id> made_from;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> found; ///< map partition, fingerprint of its output (0: unknown)
  std::vector<std::uint32_t> counted;                         ///< map partitions whose contributions are, found or not
};
/// The same for partitions of a cached dataset.
struct cached_found {
  rdd_id dataset;
  std::vector<shuffle_id> made_from;
  std::vector<std::uint32_t> found;
  std::vector<std::uint32_t> counted; ///< partitions whose contributions are, found or not
};

struct executor_joined {
  executor_id executor;
  std::uint32_t cores = 0;
  std::string host{}; ///< empty: unknown; rules about nodes do not apply to it then
};

/// The executor is gone for good: its attempts, map outputs and cached blocks with it.
struct executor_lost {
  executor_id executor;
  std::string reason; ///< "killed by signal 9", "exited with code 42", "silent for 5.0 s", ...
  /// Text on where its tasks were when it went, by attempt: only these may have ended it, and none if there are none. Without value:
  /// not known, and any that may have been running is suspected.
  std::optional<std::vector<std::pair<task_id, std::string>>> positions;
};

/// Heartbeats are late: nothing new is sent there until executor_recovered.
struct executor_suspected {
  executor_id executor;
};
struct executor_recovered {
  executor_id executor;
};

/// The executor is to leave: nothing new is sent there, what it runs ends, and what it holds moves to others before it is released.
struct executor_leaving {
  executor_id executor;
  std::string reason;
  bool may_stay = false; ///< it is asked by the driver itself: if others have no room for what it holds, it goes on working
};

/// What has become of a block that an executor was to take over (take_over).
enum class move_outcome : std::uint8_t {
  moved,
  not_found, ///< its holder does not hold it any more, or holds the output of another attempt
  no_room,
  failed, ///< its holder could not be reached, or sent what was damaged
};
struct blocks_moved {
  executor_id executor; ///< the one that took them over
  std::vector<std::pair<std::uint64_t, move_outcome>> moves;
};

/// No executor will ever come (all restarts used up): every job fails.
struct executors_exhausted {
  std::string reason;
};

struct cached_block {
  rdd_id dataset;
  std::uint32_t partition = 0;
};

struct task_succeeded {
  task_id task;
  executor_id executor;
  std::uint64_t result_bytes = 0; ///< result tasks
  std::chrono::microseconds run_time{0};
  std::vector<cached_block> cached; ///< blocks this task put into its executor's cache
  std::uint64_t records_read = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t shuffle_bytes = 0;
  std::uint64_t output_fingerprint = 0; ///< map tasks: the same for the same contents; 0: unknown
  bool contributes = false;             ///< it has added to accumulators
  bool output_kept = false;             ///< map tasks: a copy of the output lies in a file
  std::vector<cached_block> kept{};     ///< copies of these blocks lie in files
};

struct user_error {
  std::string text;      ///< operation, call site, partition, record, type, what
  std::uint8_t code = 0; ///< salamander::errc of the failure
};
struct fetch_failed {
  shuffle_id shuffle;
  std::uint32_t map_partition = 0;
  executor_id from = no_executor; ///< no_executor: no location was known
  std::string text;
};
struct task_was_cancelled {};

using failure = std::variant<user_error, fetch_failed, task_was_cancelled>;

struct task_failed {
  task_id task;
  executor_id executor;
  failure why;
};

/// A cached block was evicted.
struct block_dropped {
  executor_id executor;
  cached_block block;
};
struct dataset_unpersisted {
  rdd_id dataset;
};
struct shuffle_released {
  shuffle_id shuffle;
};
/// The time asked for by `wake_at` has come (or any other moment; harmless).
struct tick {};

using event = std::variant<job_submitted, outputs_found, cached_found, job_cancelled, executor_joined, executor_lost, executor_suspected,
                           executor_recovered, executors_exhausted, task_succeeded, task_failed, block_dropped, dataset_unpersisted,
                           shuffle_released, tick, executor_leaving, blocks_moved>;

// -- decisions (actions) ------------------------------------------------------

struct task_launch {
  task_id task;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0; ///< ordinal of this attempt within its task
  bool careful = false;      ///< an earlier attempt ended its executor: run with batches of one record
};

/// Where the blocks of a shuffle are: by map partition, no_executor where there is none.
using shuffle_locations = std::vector<executor_id>;

/// These tasks of a barrier stage, by partition, run at the same time and may wait for each other. Decided before they are sent.
struct gang_launched {
  stage_id stage;
  std::uint32_t stage_attempt = 0;
  std::vector<std::pair<task_id, executor_id>> tasks;
};

/// Send these tasks. The first launch of a stage attempt on an executor also carries the plan and the locations of the stage's
/// inputs (see driver_scheduler::stage_inputs).
struct launch_tasks {
  executor_id executor;
  stage_id stage;
  std::uint32_t stage_attempt = 0;
  std::vector<task_launch> tasks;
};

struct cancel_tasks {
  executor_id executor;
  std::vector<task_id> tasks;
  std::string reason;
};

/// The result that came with this task is the job's result number `index`.
struct deliver_result {
  job_id job;
  std::uint32_t index = 0;
  task_id task;
};

/// What this task has added to accumulators counts: it is the first of its partition that does. These jobs asked for it.
struct count_contributions {
  task_id task;
  std::vector<job_id> jobs;
  std::optional<shuffle_id> map_of{}; ///< none: the task computes a result of its job, which nobody else will ask for
  std::uint32_t partition = 0;
};

/// Some map output was made again with other contents: what was made from the former ones, by whomever, is out of date.
struct contents_changed {
  shuffle_id shuffle;
};

/// These results were delivered, and are not the job's any more: they were made from data that was recomputed with other contents.
/// Each is delivered again before the job finishes.
struct withdraw_results {
  job_id job;
  std::vector<std::uint32_t> indices;
};

/// The result or map output of this task is not wanted (late, duplicate, of a dead executor).
struct discard_result {
  task_id task;
  executor_id executor;
  /// Set if the task is known to have written map output that nobody reads: its executor may drop it.
  std::optional<std::pair<shuffle_id, std::uint32_t>> map_output{};
};

/// The executor (no_executor: every one) shall forget its cached blocks of this dataset: they were made from data that has changed.
struct drop_cached {
  rdd_id dataset;
  executor_id executor = no_executor;
};

/// End this executor; executor_lost says when it is dead.
struct kill_executor {
  executor_id executor;
  std::string reason;
};

/// A block that another executor is to hold from now on.
struct moving_block {
  std::uint64_t move = 0; ///< never used twice
  bool is_map_output = false;
  std::uint32_t owner = 0; ///< the shuffle; else the dataset of a cached block
  std::uint32_t partition = 0;
  task_id made_by{}; ///< map outputs: the attempt whose output it must be
};

/// The executor shall fetch these blocks from another one and keep them; answered by blocks_moved, in one or several parts.
struct take_over {
  executor_id executor;
  executor_id from;
  std::vector<moving_block> blocks;
};

/// What tasks of the stage read has moved: those that are sent from now on are told where it is now.
struct renew_inputs {
  stage_id stage;
};

/// A leaving executor holds and runs nothing that anybody needs: it may end; executor_lost says when it has.
struct release_executor {
  executor_id executor;
  std::string reason;
};

/// An executor that could have stayed does: what it holds could not be moved. It is sent tasks again.
struct executor_stays {
  executor_id executor;
  std::string reason;
};

struct job_failure {
  std::uint8_t code = 0; ///< salamander::errc
  std::string text;
  struct attempt {
    stage_id stage;
    std::uint32_t partition = 0;
    std::uint32_t number = 0;
    executor_id executor;
    std::string reason;
  };
  std::vector<attempt> attempts; ///< first cause first
};

struct job_counts {
  std::uint32_t stages_run = 0;
  std::uint32_t stages_skipped = 0;
  std::uint32_t stage_retries = 0;
  std::uint32_t tasks_succeeded = 0;
  std::uint32_t tasks_failed = 0;
  std::uint32_t tasks_lost = 0;
  std::uint32_t tasks_resubmitted = 0;
  std::uint32_t stages_rolled_back = 0;
  std::uint32_t speculative_launched = 0;
  std::uint32_t speculative_won = 0;
  std::uint64_t records_read = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t shuffle_bytes = 0;
};

struct finish_job {
  job_id job;
  job_counts counts;
};
struct fail_job {
  job_id job;
  job_failure why;
  job_counts counts;
};

/// Until it is started again the stage runs no more tasks; executors may forget its plan.
struct forget_stage {
  stage_id stage;
};

/// Ask for a `tick` no later than this.
struct wake_at {
  time_point when;
};

// Progress, for console and tests. Never needed for correctness.
struct stage_started {
  stage_id stage;
  std::uint32_t attempt = 0;
  std::string title;
  std::uint32_t tasks = 0;      ///< that this attempt runs
  std::uint32_t partitions = 0; ///< of the whole stage
};
struct stage_finished {
  stage_id stage;
  std::uint32_t attempt = 0;
  bool failed = false;
};

/// For the log: something an operator would want to know.
struct notice {
  enum class level : std::uint8_t { info, warning, error };
  level how = level::info;
  std::string text;
};

using action = std::variant<gang_launched, launch_tasks, cancel_tasks, count_contributions, contents_changed, deliver_result,
                            withdraw_results, discard_result, drop_cached, kill_executor, finish_job, fail_job, forget_stage, wake_at,
                            stage_started, stage_finished, notice, take_over, renew_inputs, release_executor, executor_stays>;

} // namespace salamander::scheduler
