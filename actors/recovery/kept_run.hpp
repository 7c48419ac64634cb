// What a driver keeps in files so that it can be started again and go on where it was: docs/adr/0013.
//
//   <digest>/map-<p>     output of a map partition, with what was added to accumulators meanwhile
//   <digest>/rdd-<p>     partition of a cached dataset
//   <digest>/added-<p>   what was added while it was computed
//   <digest>/job-<k>     results of a job, the k-th of its kind, and all that was counted while it ran
//   <digest>/saved       the same of a job that wrote an output, without its results
#pragma once

#include <salamander/actors/recovery/computation_digests.hpp>
#include <salamander/actors/recovery/kept_inputs.hpp>
#include <salamander/actors/recovery/run_directory.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace salamander::actors {

/// The driver's side. Threads: any.
class kept_run {
public:
  /// Results of a job that take more are not kept: the job runs again.
  static constexpr std::uint64_t result_bytes_max = 64U << 20;

  using logger = std::function<void(scheduler::notice::level, const std::string&)>;

  /// Null unless the settings ask for it. Errors: as run_directory::begin.
  static std::shared_ptr<kept_run> begin(const config& settings, logger log);
  ~kept_run();

  std::uint64_t starts() const noexcept {
    return directory_.starts();
  }
  /// The default number of partitions: what it was when it was first asked for, in whichever start. Executors come and go, and
  /// computations with other numbers of partitions are others.
  std::uint32_t parallelism(std::uint32_t now);

  void add_source(core::rdd_id dataset, std::uint32_t partition, const core::block_object& records);
  void forget_source(core::rdd_id dataset);
  void add_broadcast(std::uint32_t number, const core::block_object& value);

  struct preparation {
    kept_inputs inputs;
    std::optional<std::vector<core::block>> results; ///< the job is done already
    std::uint32_t stages = 0;                        ///< that it then need not run
  };
  /// Looks for what an earlier start has done of a job. What was added to accumulators by that is counted now, each partition once.
  /// Calls for jobs that share datasets are to be posted to the scheduler in their order.
  /// Errors: errc::context_stopped when another start of the driver has taken over; what accumulators' merge functions throw.
  preparation prepare(const core::job_spec& job);

  core::engine::output_course begin_output(const core::node_ptr& dataset, const std::string& path, const std::string& how,
                                           const computation_digests::properties& of);

  /// Writes the results of a job that has ended, then calls `then`, both on a thread of its own and in the order of the calls.
  void keep_results(std::string file, std::vector<core::block> results, std::vector<counted_contribution> counted,
                    std::function<void()> then);
  /// Map outputs were made again with other contents: nothing more is kept, and nothing that is will be used.
  void give_up();
  /// Waits for what was asked for.
  void stop();

private:
  struct reach;
  /// What was counted for a partition of something with a digest; of the job itself if that is empty.
  struct named_contribution {
    std::string digest;
    std::uint32_t partition = 0;
    contributed_values values;
  };
  struct job_file {
    std::vector<core::block> results;
    std::vector<named_contribution> counted;
  };

  kept_run(run_directory directory, logger log);

  std::string place_of(const std::string& digest) const;
  void find_outputs(const reach& all, kept_inputs& found);
  void find_cached(const reach& all, kept_inputs& found);
  void find_output(const core::lineage& child, std::size_t dependency, const std::string& place, scheduler::outputs_found& outputs);
  std::optional<job_file> read_job(const std::string& file, std::optional<std::size_t> results) const;
  /// Counts what was counted while the job ran, as far as it has not been, and tells the scheduler.
  void count_job(job_file&& job, const reach& all);
  /// True the first time.
  bool first_of(const std::string& digest, std::uint32_t partition);
  void merge(contributed_values&& added) const;
  void say(scheduler::notice::level level, const std::string& text) const;
  void work();

  const run_directory directory_;
  const logger log_;

  std::mutex mutex_;
  computation_digests digests_;
  std::set<std::uint32_t> shuffles_;                                        ///< looked for already
  std::unordered_map<std::uint32_t, computation_digests::digest> datasets_; ///< cached ones, and what they are known by
  std::set<std::uint32_t> looked_for_;                                      ///< of these
  std::map<std::string, std::uint32_t> jobs_;                               ///< how many of a digest there were
  std::set<std::pair<std::string, std::uint32_t>> counted_;                 ///< partitions of digests
  kept_inputs waiting_; ///< for the next job that runs: those that need not do not tell the scheduler
  std::uint32_t parallelism_ = 0;
  bool given_up_ = false;

  struct work_item {
    std::string file;
    job_file job;
    std::function<void()> then;
  };
  std::mutex queue_mutex_;
  std::condition_variable changed_;
  std::deque<work_item> queue_;
  bool stopping_ = false;
  std::thread writer_;
};

} // namespace salamander::actors
