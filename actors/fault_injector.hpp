// The executor's side of fault injection: keeps what attempts shall suffer until they run, and what they did suffer until it is told.
#pragma once

#include <salamander/actors/net/block_client.hpp>
#include <salamander/rdd/fault_task.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <unordered_map>

namespace salamander::actors {

/// Made when the first order of faults comes. Threads: use under one lock. Limits: orders for `waiting_max` attempts; older ones are
/// forgotten, as those of attempts that never begin.
class fault_injector {
public:
  static constexpr std::size_t waiting_max = 65536;

  void add(std::vector<core::armed_fault> faults);
  /// The faults of an attempt that begins now; null if it has none.
  std::unique_ptr<core::task_faults> take(std::uint64_t task);
  void done(core::task_faults& faults);
  std::vector<core::fault_note> take_notes(std::size_t most);

private:
  std::unordered_map<std::uint64_t, std::vector<core::armed_fault>> waiting_;
  std::deque<std::uint64_t> order_; ///< of waiting_, with names that were taken meanwhile
  std::vector<core::fault_note> notes_;
};

/// What happens to the blocks that one task reads. Threads: the task's. Spoilers that it gives out live as long as it does; its end
/// notes which of them did their work.
class block_faults {
public:
  block_faults(core::task_faults& faults, const std::atomic<bool>* cancelled) : faults_(faults), cancelled_(cancelled) {}
  block_faults(const block_faults&) = delete;
  block_faults& operator=(const block_faults&) = delete;
  ~block_faults();

  /// A block that this process holds is about to be read: true when it shall be dropped first. Errors: core::task_cancelled.
  bool loses(const storage::block_id& id);
  /// A block is about to be fetched: null, or what shall happen to it on its way. Errors: core::task_cancelled.
  net::block_spoiler* spoiler(const storage::block_id& id);

private:
  struct given_spoiler {
    net::block_spoiler spoiler;
    std::uint32_t token = 0;
    storage::block_id id;
  };

  core::task_faults& faults_;
  const std::atomic<bool>* const cancelled_;
  std::deque<given_spoiler> given_;
};

/// Holds a task up. Errors: core::task_cancelled, at most 10 ms late.
void hold_up(std::chrono::milliseconds time, const std::atomic<bool>* cancelled);

} // namespace salamander::actors
