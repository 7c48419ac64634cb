// The working part of an executor: threads that run tasks, the blocks they make, and the memory they may use. No CAF in here:
// the executor's actor hands orders in and takes reports out, and the same class serves local mode, executors and tests.
#pragma once

#include <salamander/actors/task_watch.hpp>
#include <salamander/rdd/fault_task.hpp>
#include <salamander/rdd/plan.hpp>
#include <salamander/rdd/task_context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace salamander::actors {

namespace net {
class tls_context;
}

/// Where blocks of a process are served. In one application all sockets lie in one 0700 directory; the name follows from the id.
inline constexpr std::uint32_t driver_peer = 0xfffffffe;
/// Stands for files that all executors can read.
inline constexpr std::uint32_t kept_peer = 0xfffffffd;
std::filesystem::path block_socket_of(const std::filesystem::path& directory, std::uint32_t peer);

/// Where a process serves blocks for other machines.
struct peer_place {
  std::uint32_t peer = 0;
  std::string host = {}; ///< numeric
  std::uint16_t port = 0;
};

struct executor_options {
  std::uint32_t executor = 0;
  std::uint32_t cores = 1;
  std::uint64_t memory_bytes = 0;                   ///< execution and cache together; 0: no limit
  std::filesystem::path socket_directory;           ///< empty: local mode, nothing is served or fetched
  std::filesystem::path peer_directory;             ///< where the sockets of others are looked for; empty: the same
  std::shared_ptr<const net::tls_context> tls = {}; ///< with `host`: blocks go to and come from other machines, too
  std::string host = {};                            ///< numeric address of this machine; empty: none but sockets of this machine
  core::task_position* positions = nullptr;         ///< one for each core, outliving the runtime; null: own memory
  std::uint64_t fetch_bytes_in_flight_max = 48ULL << 20;
  std::chrono::milliseconds fetch_retry_wait{100};
  std::uint32_t fetch_attempts_max = 3;
  std::chrono::milliseconds fetch_silence_max{10000};   ///< how long a peer may send nothing while a task waits for it
  std::uint64_t direct_result_bytes_max = 256ULL << 10; ///< larger results stay here as blocks; ignored in local mode
  watch_limits watch;                                   ///< of tasks; without any there is no thread that watches
  std::function<watched_task::time_point()> now;        ///< the clock of `watch`; empty: the steady clock
  std::function<void(const std::string&)> on_warning;   ///< a task makes no progress; called by the watching thread
  /// A task did not stop within the grace, and its failure was reported: called by the watching thread, to end the process. Empty: its
  /// thread is left behind, and another one takes its place.
  std::function<void(const std::string&)> on_stuck;
  /// Injected faults of the driver's own fetches: what shall happen to the result of a task, and what did. Empty: nothing.
  std::function<std::shared_ptr<core::task_faults>(std::uint64_t task)> result_faults;
  std::function<void(std::uint32_t executor, core::task_faults&)> result_faulted;
};

struct shuffle_source {
  std::uint32_t shuffle = 0;
  std::vector<std::uint32_t> executors; ///< by map partition; core::fetch_failure::no_executor: none
  std::string kept_in = {};             ///< the directory of what lies at kept_peer
};

struct cached_source {
  std::uint32_t dataset = 0;
  std::uint32_t partition = 0;
  std::uint32_t executor = 0;
};

/// What is needed once per stage attempt.
struct stage_order {
  std::uint32_t stage = 0;
  std::uint32_t stage_attempt = 0;
  std::shared_ptr<const core::byte_buffer> plan; ///< null: fetch block_id::plan(stage, attempt) from the driver
  std::vector<shuffle_source> shuffles;
  std::vector<cached_source> cached;                                     ///< blocks held by other executors
  std::map<std::string, std::string> properties = {};                    ///< of the job, for functions that ask
  std::vector<std::uint32_t> peers = {};                                 ///< some of the other executors, for pieces of broadcast values
  std::vector<barrier_task_info> gang = {};                              ///< of a barrier stage: where its tasks run, by partition
  std::string keep_output_in = {};                                       ///< directory for copies of its map outputs; empty: there are none
  std::vector<std::pair<std::uint32_t, std::string>> kept_datasets = {}; ///< cached ones, and the directories of their copies
};

struct task_order {
  std::uint64_t task = 0;
  std::uint32_t stage = 0;
  std::uint32_t stage_attempt = 0;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  bool careful = false;
};

/// How one attempt can end.
struct task_outcome {
  struct success {
    core::block result;       ///< empty for map tasks, and when `result_kept`
    bool result_kept = false; ///< the result is block_id::result(task) of this executor
    std::uint64_t result_bytes = 0;
  };
  struct user_error {
    std::string text;
    std::uint8_t code = 0; ///< salamander::errc
  };
  struct fetch_failed {
    std::uint32_t shuffle = 0;
    std::uint32_t map_partition = 0;
    std::uint32_t executor = 0;
    std::string text;
  };
  struct cancelled {};
};

/// What was added to accumulators and is counted together: a value for each accumulator.
using contributed_values = std::vector<std::pair<std::uint32_t, core::block>>;

/// What was added while a partition of a cached dataset was computed to its end. It counts whatever becomes of the task.
struct cached_contribution {
  std::uint64_t task = 0;
  std::uint32_t dataset = 0;
  std::uint32_t partition = 0;
  contributed_values values;
};

/// What an executor says about one attempt that ended.
struct task_report {
  using success = task_outcome::success;
  using user_error = task_outcome::user_error;
  using fetch_failed = task_outcome::fetch_failed;
  using cancelled = task_outcome::cancelled;

  std::uint64_t task = 0;
  std::variant<success, user_error, fetch_failed, cancelled> outcome;
  std::chrono::microseconds run_time{0};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> cached; ///< (dataset, partition) newly kept here
  std::uint64_t records_read = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t shuffle_bytes = 0;
  std::uint64_t output_fingerprint = 0; ///< of the map output that is kept here; 0: unknown, as always within one process
  contributed_values contributed{};     ///< by the task itself
  bool output_kept = false;             ///< a copy of its map output lies in a file
  std::vector<std::pair<std::uint32_t, std::uint32_t>> kept{};      ///< copies of these cached partitions do
  std::vector<std::pair<std::uint32_t, std::uint32_t>> kept_lost{}; ///< copies of these were to be read, and could not be
};

/// A task of a barrier stage waits for the others, in its call number `epoch` from 0.
struct barrier_arrival {
  std::uint64_t task = 0;
  std::uint32_t epoch = 0;
  bool gathers = false;
  std::string text; ///< what it gives, if it gathers
};

/// Tasks that wait in this call are to go on; with an error if there is a text.
struct barrier_answer {
  std::vector<std::uint64_t> tasks;
  std::uint32_t epoch = 0;
  std::vector<std::string> gathered; ///< by partition
  std::string error;
};

/// A block that this executor shall hold from now on; see scheduler::moving_block.
struct moving_block {
  std::uint64_t move = 0;
  bool is_map_output = false;
  std::uint32_t owner = 0; ///< the shuffle, or the dataset
  std::uint32_t partition = 0;
  std::uint64_t made_by = 0;
};

/// Runs tasks on `cores` threads of its own.
/// Threads: all members may be called from any thread. Faults: no exception of a task leaves it; each launched task yields exactly
/// one report, also when it was cancelled before it began. A task that runs longer than options.watch allows is cancelled and fails; if it
/// does not stop then, its thread is given up. Limits: left_behind_max threads are replaced, then there are fewer of them.
class executor_runtime {
public:
  /// `on_reports` is called from a task thread (or from inside launch, cancel and stop, for tasks that never begin) when reports wait
  /// and none were waiting before, and when a task waits at a barrier; it must be quick and call take_reports and take_barrier_arrivals
  /// later (from anywhere). It is not called once stop returned true. With 0 cores nothing can be launched; blocks are served and fetched all the same (the driver).
  /// Errors: errc::io_error when the socket directory is not this user's alone or the socket cannot be made.
  executor_runtime(executor_options options, std::function<void()> on_reports);
  ~executor_runtime();

  static constexpr std::size_t left_behind_max = 64;

  void add_stage(stage_order order);
  void forget_stage(std::uint32_t stage);
  /// `faults`: what some of these attempts shall suffer.
  void launch(std::vector<task_order> tasks, std::vector<core::armed_fault> faults = {});
  void cancel(const std::vector<std::uint64_t>& tasks);
  std::vector<task_report> take_reports();
  /// Tasks that have begun to wait since the last call. Each waits until `pass_barrier` names it, or it is cancelled.
  std::vector<barrier_arrival> take_barrier_arrivals();
  /// Tasks that do not wait in this call any more are left alone.
  void pass_barrier(barrier_answer answer);
  /// Since the last call. Call it after take_reports, and tell of them first: whoever reads such a partition from the cache must not be
  /// heard of earlier.
  std::vector<cached_contribution> take_cached_contributions();
  /// Injected faults that happened since the last call. Call it after take_reports: no report is ahead of its faults then.
  /// Limits: fault_notes_max at a time.
  std::vector<core::fault_note> take_fault_notes();
  static constexpr std::size_t fault_notes_max = 1000;

  /// Driver-held data and large results.
  void put_source(std::uint32_t dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records);
  void put_plan(std::uint32_t stage, std::uint32_t stage_attempt, std::shared_ptr<const core::byte_buffer> plan);
  /// See broadcast_values.
  std::uint64_t put_broadcast(std::uint32_t broadcast, std::shared_ptr<const core::block_object> value);
  /// Where blocks of this process are served for other machines; port 0: nowhere.
  peer_place blocks_at() const;
  void meet(const std::vector<peer_place>& peers);
  void drop_broadcast(std::uint32_t broadcast, const std::optional<std::string>& destroyed);
  void drop_source(std::uint32_t dataset);
  void drop_result(std::uint64_t task);
  /// The map output of an attempt that does not count; another attempt's stays.
  void drop_map_output(std::uint32_t shuffle, std::uint32_t map_partition, std::uint64_t task);
  void drop_cached(std::uint32_t dataset);
  void drop_shuffle(std::uint32_t shuffle);
  /// Fetches a result kept by another executor, on the calling thread. Errors: core::fetch_failure; errc::out_of_memory.
  core::block fetch_result(std::uint32_t executor, std::uint64_t task);
  /// Evicted cache blocks since the last call that have not been cached again: (dataset, partition). Call it after take_reports and
  /// treat its answer as the later word.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> take_evictions();

  /// Fetches blocks from another executor and keeps them, on a thread of its own; `on_reports` says when there are outcomes to take.
  void take_over(std::uint32_t from, std::vector<moving_block> blocks);
  /// (move, scheduler::move_outcome) since the last call. Call it before take_evictions, whose answer is the later word.
  std::vector<std::pair<std::uint64_t, std::uint8_t>> take_moved();

  std::uint32_t running_tasks() const;
  std::uint64_t cached_bytes() const;
  std::uint64_t finished_tasks() const;

  /// Cancels everything and joins the threads; a task stuck in user code is waited for no longer than `grace`, after which false
  /// is returned and the process should end.
  bool stop(std::chrono::milliseconds grace);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors
