// What a driver keeps in files so that it can be started again and go on where it was: docs/adr/0013.
//
//   <salamander.checkpoint.dir>/<salamander.recovery.id>/
//     start                       who writes here now
//     <n>/<digest>/map-<p>        output of a map partition, n counting the contexts of the program
//     <n>/<digest>/rdd-<p>        partition of a cached dataset
//     <n>/<digest>/added-<p>      what was added to accumulators while that was computed
//     <n>/<digest>/job-<k>        results of a job, the k-th of its kind
//     <n>/<digest>/output         a path that is being written, or was
#pragma once

#include <salamander/actors/executor_runtime.hpp>
#include <salamander/actors/recovery/computation_digests.hpp>
#include <salamander/scheduler/events.hpp>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

namespace salamander::actors {

/// What goes with a job to the scheduler.
struct kept_inputs {
  std::vector<scheduler::outputs_found> outputs;
  std::vector<scheduler::cached_found> cached;
  std::vector<std::pair<std::uint32_t, std::string>> shuffle_places; ///< shuffles met for the first time, and their directories
  std::vector<std::pair<std::uint32_t, std::string>> dataset_places; ///< the same for cached datasets
  std::string results;                                               ///< file for the job's results; empty: they are not kept
};

/// The driver's side. Threads: any.
class kept_run {
public:
  /// Results of a job that take more are not kept: the job runs again.
  static constexpr std::uint64_t result_bytes_max = 64U << 20;

  using logger = std::function<void(scheduler::notice::level, const std::string&)>;

  /// Null unless the settings ask for it. Errors: errc::bad_config_value; errc::io_error when the directory cannot be made or written to.
  static std::shared_ptr<kept_run> begin(const config& settings, logger log);
  ~kept_run();

  /// Of this driver, from 1: how often it was started, with this.
  std::uint64_t starts() const noexcept {
    return starts_;
  }

  void add_source(core::rdd_id dataset, std::uint32_t partition, const core::block_object& records);
  void forget_source(core::rdd_id dataset);
  void add_broadcast(const core::block_object& value);

  struct preparation {
    kept_inputs inputs;
    std::optional<std::vector<core::block>> results; ///< the job is done already
    std::uint32_t stages = 0;                        ///< that it then need not run
  };
  /// Looks for what an earlier start has done of a job. What was added to accumulators by that is counted now, each partition once.
  /// Calls for jobs that share datasets are to be posted to the scheduler in their order.
  /// Errors: errc::context_stopped when another start of the driver has taken over.
  preparation prepare(const core::job_spec& job);

  core::engine::output_course begin_output(const core::node_ptr& dataset, const std::string& path);

  /// Writes the results of a job that has ended, then calls `then`, both on a thread of its own and in the order of the calls.
  void keep_results(std::string file, std::vector<core::block> results, contributed_values added, std::function<void()> then);
  /// Waits for what was asked for.
  void stop();

private:
  kept_run(std::filesystem::path directory, bool cached_blocks, logger log);

  void begin_here();
  void check_owner() const;
  std::string place_of(const std::string& digest) const;
  void find_outputs(const std::shared_ptr<const core::lineage>& child, std::size_t dependency, kept_inputs& found);
  void find_cached(const std::shared_ptr<const core::lineage>& dataset, kept_inputs& found);
  bool find_results(const std::string& file, std::size_t count, preparation& made);
  void count(const std::string& file, contributed_values&& added) const;
  void say(scheduler::notice::level level, const std::string& text) const;
  void work();

  const std::filesystem::path run_;
  std::filesystem::path directory_; ///< of this context
  const bool cached_blocks_;
  const logger log_;
  std::string owner_;
  std::uint64_t starts_ = 1;

  std::mutex mutex_;
  computation_digests digests_;
  std::set<std::uint32_t> shuffles_; ///< looked for already
  std::set<std::uint32_t> datasets_;
  std::map<std::string, std::uint32_t> jobs_; ///< how many of a digest there were
  kept_inputs waiting_;                       ///< for the next job that runs: those that need not do not tell the scheduler

  struct work_item {
    std::string file;
    std::vector<core::block> results;
    contributed_values added;
    std::function<void()> then;
  };
  std::mutex queue_mutex_;
  std::condition_variable changed_;
  std::deque<work_item> queue_;
  bool stopping_ = false;
  std::thread writer_;
};

} // namespace salamander::actors
