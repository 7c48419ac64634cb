// One budget for everything that a process holds on behalf of its tasks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace salamander::storage {

/// What memory is held for.
enum class memory_use : std::uint8_t {
  execution, ///< tables and buffers of running tasks
  blocks,    ///< shuffle blocks, results, sources, plans: held until somebody says that they are not needed
  cache,     ///< cached partitions: can be computed again, so all other uses may push them out
};

/// Accounts for bytes under one limit; holds none itself.
/// Cached blocks may take all free memory and never push out another use; who pushes cached blocks out is the block_store. There is
/// no share that cached blocks are sure of: without files to spill to, execution would fail where dropping a block helps.
/// Threads: any; lock-free. Source: unified memory management of Spark 1.6 and later.
class memory_manager {
public:
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max() / 2;

  /// A budget of 0 means no limit.
  explicit memory_manager(std::uint64_t budget_bytes) noexcept : budget_(budget_bytes == 0 ? unlimited : budget_bytes) {}
  memory_manager(const memory_manager&) = delete;
  memory_manager& operator=(const memory_manager&) = delete;

  /// Takes free memory; false, and nothing taken, when there is not enough.
  bool try_acquire(memory_use use, std::uint64_t bytes) noexcept {
    return try_exchange(0, use, bytes);
  }

  /// Gives up `evicted` bytes of cache and takes `bytes` for `use`: both or neither, so that what was freed for one caller is not
  /// taken by another.
  bool try_exchange(std::uint64_t evicted, memory_use use, std::uint64_t bytes) noexcept;

  /// Takes memory that is already in use whatever the budget says; later requests feel it.
  void acquire_always(memory_use use, std::uint64_t bytes) noexcept;

  /// Requires: the bytes were acquired for this use.
  void release(memory_use use, std::uint64_t bytes) noexcept;

  std::uint64_t budget_bytes() const noexcept {
    return budget_;
  }
  std::uint64_t used_bytes() const noexcept {
    return used_.load(std::memory_order_relaxed);
  }
  std::uint64_t used_bytes(memory_use use) const noexcept {
    return by_use_[static_cast<std::size_t>(use)].load(std::memory_order_relaxed);
  }
  /// How much must go before `bytes` fit; 0 when they fit now.
  std::uint64_t missing_bytes(std::uint64_t bytes) const noexcept;

private:
  std::atomic<std::uint64_t>& of(memory_use use) noexcept {
    return by_use_[static_cast<std::size_t>(use)];
  }

  const std::uint64_t budget_;
  std::atomic<std::uint64_t> used_{0};
  std::array<std::atomic<std::uint64_t>, 3> by_use_{};
};

} // namespace salamander::storage
