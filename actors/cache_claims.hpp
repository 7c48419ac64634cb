// Which partitions are being computed for the cache in this process, so that a second task that wants one waits for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace salamander::actors {

/// A task that computes a partition waits only for partitions of datasets that its own is made from, and lineage has no cycles: tasks
/// never wait for each other in a circle. Threads: any. Limits: nobody waits longer than `wait_max` in one call.
class cache_claims {
public:
  static constexpr std::chrono::seconds wait_max{60};

  enum class turn : std::uint8_t {
    yours,     ///< compute it, and call `end`
    over,      ///< somebody else has computed it or given up: look again
    unclaimed, ///< compute it; somebody else does so too, but takes too long
  };

  /// `owner`: the task. `cancelled`: of the task, looked at every 50 ms; null: never. Errors: core::task_cancelled.
  turn take(std::uint64_t partition, const void* owner, const std::atomic<bool>* cancelled);
  /// It is in the cache, or will not be. Nothing for a partition that `owner` did not claim.
  void end(std::uint64_t partition, const void* owner);

private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::unordered_map<std::uint64_t, const void*> owners_;
};

} // namespace salamander::actors
