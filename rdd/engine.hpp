// What a context asks of the machinery that runs jobs. The only door between the public face and everything above it.
#pragma once

#include <salamander/rdd/config.hpp>
#include <salamander/rdd/plan.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace salamander {

namespace testing {
struct fault_report;
}

/// Counts of one job, for summaries and tests. A stage that was skipped ran no task because its outputs existed.
struct job_report {
  std::uint32_t job = 0;
  std::string description;
  std::uint32_t stages_run = 0;
  std::uint32_t stages_skipped = 0;
  std::uint32_t stage_retries = 0; ///< further attempts of stages after lost or unreadable shuffle blocks
  std::uint32_t tasks_succeeded = 0;
  std::uint32_t tasks_failed = 0;         ///< attempts that failed for a reason of their own
  std::uint32_t tasks_lost = 0;           ///< attempts that ended with their executor
  std::uint32_t tasks_resubmitted = 0;    ///< finished partitions that had to be computed again
  std::uint32_t stages_rolled_back = 0;   ///< stages begun anew because what they read was recomputed with other contents
  std::uint32_t speculative_launched = 0; ///< second attempts started beside slow ones
  std::uint32_t speculative_won = 0;      ///< of these, the ones that were faster
  std::uint64_t records_read = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t shuffle_bytes_written = 0;
  std::chrono::microseconds duration{0};
  bool succeeded = false;
};

/// One executor, as the driver sees it.
struct executor_info {
  std::uint32_t id = 0;
  std::uint32_t cores = 0;
  std::int64_t process = 0; ///< process id; this process's own in local mode
  bool alive = false;
  std::string state; ///< "alive", "suspect", "dead: signal 9", ...
  std::uint32_t running_tasks = 0;
  std::uint64_t cached_bytes = 0;
};

namespace core {

/// A job as a context submits it.
struct job_spec {
  node_ptr final;
  std::shared_ptr<const action> act;
  std::vector<std::uint32_t> partitions; ///< results come in this order
  std::string operation;                 ///< "collect", "count", ...
  call_site site;
  std::map<std::string, std::string> properties; ///< job group, description, local properties
};

/// A submitted job. Threads: any.
class job_handle {
public:
  virtual ~job_handle() = default;

  /// Blocks until the job ends; results in the order of job_spec::partitions.
  /// Errors: salamander::error with the first cause. May be called once.
  virtual std::vector<block> wait() = 0;
  /// The results that have arrived, in the order of job_spec::partitions; empty blocks stand for the others. Of a failed job: none.
  /// Requires: `wait` was not called.
  virtual std::vector<block> results_so_far() const = 0;
  /// False when the time is over first.
  virtual bool wait_for(std::chrono::milliseconds time) = 0;
  /// Asks for the end; `wait` then throws errc::job_cancelled with `reason`. No effect on a finished job.
  virtual void cancel(const std::string& reason) = 0;
  virtual job_report report() const = 0;
};

/// Runs jobs. Threads: any, at once.
class engine {
public:
  virtual ~engine() = default;

  /// Errors: errc::context_stopped. Returns at once.
  virtual std::shared_ptr<job_handle> submit(job_spec spec) = 0;

  /// Cores of all executors together; the default for partition counts.
  virtual std::uint32_t default_parallelism() const = 0;

  /// Keeps one partition of driver-held data until release_source.
  virtual void put_source(rdd_id dataset, std::uint32_t partition, std::shared_ptr<const block_object> records) = 0;
  virtual void release_source(rdd_id dataset) = 0;
  /// Drops cached partitions everywhere; `blocking` waits until they are gone.
  virtual void unpersist(rdd_id dataset, bool blocking) = 0;
  /// Drops the map outputs of a shuffle that no dataset can read any more.
  virtual void release_shuffle(shuffle_id shuffle) = 0;

  /// Keeps a value for tasks until it is dropped as destroyed. Returns 1 + its encoded bytes; 0: tasks share the object itself.
  /// Errors: what the user's packing code throws.
  virtual std::uint64_t put_broadcast(std::uint32_t broadcast, std::shared_ptr<const block_object> value) = 0;
  /// Executors drop their copies; the answer is ready when they are gone. `destroyed`: nobody gets it any more, but this text.
  virtual std::future<void> drop_broadcast(std::uint32_t broadcast, const std::optional<std::string>& destroyed) = 0;

  virtual void cancel_all_jobs(const std::string& reason) = 0;
  virtual std::vector<executor_info> executors() const = 0;
  /// Partitions of a dataset that are cached somewhere now.
  virtual std::uint32_t cached_partitions(rdd_id dataset) const = 0;
  /// What salamander.faults.plan did so far; an empty report when there is none.
  virtual testing::fault_report faults() const;

  /// What to do with an output of `dataset` that a program is about to write to `path` in the way that `how` says (see
  /// salamander.recovery.id): the same one may have been begun, or finished, by an earlier start of this driver.
  struct output_course {
    enum class kind : std::uint8_t { write, write_anew, skip };
    kind what = kind::write;
    std::string attempts = {};             ///< name of the directory for attempts; empty: the usual one
    std::string seal = {};                 ///< contents of _SUCCESS
    std::string results = {};              ///< what the job that writes is known by
    std::function<bool()> still_ours = {}; ///< false: another start has taken over, and the output is its own; empty: nobody can
  };
  virtual output_course begin_output(const node_ptr& dataset, const std::string& path, const std::string& how,
                                     const std::map<std::string, std::string>& properties);

  /// The application is about to end, and not well: `stop` tells its cluster so. The first reason counts.
  virtual void note_failure(const std::string& /*why*/) {}

  /// Ends executors and threads; running jobs fail with errc::context_stopped. Idempotent.
  virtual void stop() = 0;
};

/// Starts what the master of `settings` asks for. Defined by the layer above.
/// Errors: errc::bad_master_url, errc::no_executors, errc::not_initialised.
std::unique_ptr<engine> start_engine(const config& settings, const std::string& application_name);

/// True once salamander::init ran in this process.
bool init_was_called() noexcept;

/// Serves as an executor if this process was started as one, and then never returns. Defined by the layer above.
void serve_if_executor(int argc, char** argv);

} // namespace core
} // namespace salamander
