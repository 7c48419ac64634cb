// What a running task may ask of the process it runs in.
#pragma once

#include <salamander/rdd/barrier.hpp>
#include <salamander/rdd/batch.hpp>
#include <salamander/rdd/block.hpp>
#include <salamander/rdd/contributions.hpp>
#include <salamander/rdd/current_task.hpp>
#include <salamander/rdd/ids.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace salamander::core {

/// A task that was told to stop leaves through this; it is not a failure.
struct task_cancelled : std::exception {
  const char* what() const noexcept override {
    return "the task was cancelled";
  }
};

/// A block of a shuffle could not be had; the scheduler reruns the map task that made it.
struct fetch_failure : std::runtime_error {
  fetch_failure(shuffle_id which, std::uint32_t map, std::uint32_t from, const std::string& why)
      : std::runtime_error(why), shuffle(which), map_partition(map), executor(from) {}
  shuffle_id shuffle;
  std::uint32_t map_partition;
  std::uint32_t executor; ///< where it should have been; no_executor when no location was known

  static constexpr std::uint32_t no_executor = 0xffffffff;
};

/// A user function threw: what is known about where.
struct user_failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Where a task is in the user's program. It lies in memory that outlives the process, so that a task that ends its executor
/// still tells which record it was at: one store per batch, exact in a retry, which runs with batches of one record.
/// Layout: fixed, shared with the supervising process.
struct task_position {
  std::atomic<std::uint64_t> task{0};    ///< attempt id; 0: no task runs
  std::atomic<std::uint32_t> dataset{0}; ///< rdd whose function runs
  std::atomic<std::uint32_t> partition{0};
  std::atomic<std::uint64_t> record{0}; ///< ordinal of the first record of the batch within that dataset's input
};

class task_faults;

/// The map outputs of one reduce partition, in order of map partition.
class shuffle_input {
public:
  virtual ~shuffle_input() = default;

  /// Blocks until the next non-empty block is there; an empty block at the end. Errors: fetch_failure, task_cancelled.
  virtual block next() = 0;
};

/// The process around a task. Implementations live above this layer. Threads: any.
class task_services {
public:
  virtual ~task_services() = default;

  /// A cached partition: from this process, else from one that holds it, else empty.
  virtual block find_cached(rdd_id dataset, std::uint32_t partition) = 0;
  /// False when it does not fit; then nothing was kept.
  virtual bool store_cached(rdd_id dataset, std::uint32_t partition, std::shared_ptr<const block_object> records) = 0;
  /// After `find_cached` found nothing: this task will not store the partition after all. Others that wait for it shall not.
  virtual void give_up_cached(rdd_id, std::uint32_t) {}

  /// What was added to accumulators while a partition of a cached dataset was computed to its end. Call it before the partition is
  /// stored: whoever reads it from the cache must not be heard of earlier. Errors: errc::result_too_large; what encoding throws.
  virtual void contribute(rdd_id, std::uint32_t, contribution_list) {}

  /// Keeps the blocks of one map task, one for each reduce partition (null: empty). Of two attempts the later one counts.
  /// `fingerprint`: of their contents and of where they go, if it was taken on the way; 0: it is taken from the blocks.
  /// Errors: errc::out_of_memory.
  virtual void commit_map_output(shuffle_id shuffle, std::uint32_t map_partition, std::uint64_t attempt,
                                 std::vector<std::shared_ptr<const block_object>> blocks, std::uint64_t fingerprint = 0) = 0;
  /// Whether map outputs are compared with those of other attempts, so that a fingerprint taken on the way is of use.
  virtual bool compares_map_outputs() const noexcept {
    return false;
  }
  virtual std::unique_ptr<shuffle_input> open_shuffle(shuffle_id shuffle, std::uint32_t reduce_partition,
                                                      const std::atomic<bool>& cancelled) = 0;

  /// A partition of data that the driver holds (parallelize). Errors: errc::executor_lost when the driver is gone.
  virtual block fetch_source(rdd_id dataset, std::uint32_t partition) = 0;

  /// The value of a broadcast: this process's copy, made by `decode` of its pieces when there is none. It stays until the task ends.
  /// `size`: 1 + encoded bytes; 0: the driver's own object, in its process. Errors: as broadcast::value; task_cancelled.
  virtual const block_object& find_broadcast(std::uint32_t broadcast, std::uint64_t size,
                                             std::shared_ptr<const block_object> (*decode)(const byte_buffer&));

  /// Waits until all tasks of the barrier stage are in this call, the task's number `epoch` from 0. What they give, by partition; nothing
  /// for null. Errors: as barrier_task; task_cancelled.
  virtual std::vector<std::string> wait_at_barrier(std::uint32_t epoch, const std::string* gives);

  /// Reserves execution memory, evicting cached blocks when needed. False: it cannot be had; nothing was reserved.
  virtual bool reserve_memory(std::size_t bytes) = 0;
  /// The same for records that are about to be cached: cached blocks of their own dataset stay.
  virtual bool reserve_to_cache(std::size_t bytes, rdd_id) {
    return reserve_memory(bytes);
  }
  virtual void release_memory(std::size_t bytes) noexcept = 0;
};

/// What all tasks of a stage attempt have in common, for those who ask.
struct stage_facts {
  std::uint32_t stage_attempt = 0;
  std::map<std::string, std::string> properties;
  std::vector<barrier_task_info> gang = {}; ///< of a barrier stage: where its tasks run, by partition
};

/// One attempt of one task. Used by the thread that runs it; `cancel` is for others.
class task_context {
public:
  task_context(task_services& around, task_position& where, std::uint32_t stage, std::uint32_t partition, std::uint32_t attempt,
               std::uint64_t attempt_id, std::size_t batch_limit) noexcept
      : services(around), position(where), stage_number(stage), partition_index(partition), attempt_number(attempt),
        task_attempt(attempt_id), batch_records_max(batch_limit) {}
  task_context(const task_context&) = delete;
  task_context& operator=(const task_context&) = delete;
  ~task_context() {
    services.release_memory(reserved_);
  }

  task_services& services;
  task_position& position;
  const std::uint32_t stage_number;
  const std::uint32_t partition_index;
  const std::uint32_t attempt_number;  ///< 0 for the first attempt of this partition
  const std::uint64_t task_attempt;    ///< unique in the application
  const std::size_t batch_records_max; ///< 0: no limit beyond the batch's own; 1 when an earlier attempt ended its executor
  std::uint64_t records_read = 0;      ///< by sources
  std::uint64_t bytes_read = 0;
  std::uint32_t barriers_passed = 0;
  contributions added; ///< to accumulators

  void cancel() noexcept {
    cancelled.store(true, std::memory_order_relaxed);
  }
  /// Called once a batch. Errors: task_cancelled; injected faults.
  void poll() const {
    if (cancelled.load(std::memory_order_relaxed))
      throw task_cancelled();
    if (faults != nullptr)
      suffer();
  }

  /// The batch size for records of T in this attempt.
  template <class T>
  std::size_t batch_size() const noexcept {
    return batch_records_max != 0 && batch_records_max < batch_capacity<T> ? batch_records_max : batch_capacity<T>;
  }

  /// Reserves memory until the task ends or gives it back. Errors: errc::out_of_memory naming `what` and what to do.
  /// Tables and buffers of datasets use a memory_claim, whose error also says where.
  void reserve(std::size_t bytes, const char* what);
  /// The same; false when it cannot be had, and nothing was reserved then.
  bool try_reserve(std::size_t bytes);
  bool try_reserve_to_cache(std::size_t bytes, rdd_id dataset);
  void release(std::size_t bytes) noexcept;
  /// The text for `bytes` that could not be had for `what`: how much is missing, and what to do about it.
  std::string shortage(std::size_t bytes, const char* what) const;
  std::size_t reserved_bytes() const noexcept {
    return reserved_;
  }

  std::atomic<bool> cancelled{false};
  task_faults* faults = nullptr;        ///< what this attempt shall suffer; null: nothing
  const stage_facts* ordered = nullptr; ///< null: nothing is known
  std::vector<std::function<void(const salamander::task_context&)>> on_completion;
  std::vector<std::function<void(const salamander::task_context&, const std::string&)>> on_failure;

  /// The functions have succeeded: calls what was registered. Errors: those of the callbacks; then call `fail`.
  void complete();
  /// The attempt has failed: calls what was registered and not called yet. Returns what went wrong with that, to be added to `why`.
  std::string fail(const std::string& why) noexcept;

private:
  void suffer() const;

  std::size_t reserved_ = 0;
};

/// True while this thread runs a task: contexts and datasets refuse to be used then.
bool inside_task() noexcept;

/// The context of the task that this thread runs, or null.
task_context* current_task() noexcept;

/// Marks this thread as running `context` for its own lifetime.
class task_scope {
public:
  explicit task_scope(task_context& context) noexcept;
  task_scope(const task_scope&) = delete;
  task_scope& operator=(const task_scope&) = delete;
  ~task_scope();
};

} // namespace salamander::core
