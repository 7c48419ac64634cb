// The receiving side of a hand-over: blocks of an executor that leaves are fetched and kept here.
#pragma once

#include <salamander/actors/block_service.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace salamander::actors {

/// One thread, which begins with the first order, fetches block after block. A block counts as moved when it is kept here as a whole,
/// with a checksum of its own; of a map output, all blocks, and those of the attempt that was asked for.
/// Limits: memory that is free; nothing is evicted for what is moved. Threads: any. Faults: what cannot be fetched is said, not tried
/// again by itself.
class block_mover {
public:
  /// `on_outcomes`: called from the thread when there are outcomes and there were none; must be quick.
  block_mover(block_service& blocks, std::function<void()> on_outcomes) : blocks_(blocks), on_outcomes_(std::move(on_outcomes)) {}
  block_mover(const block_mover&) = delete;
  block_mover& operator=(const block_mover&) = delete;
  ~block_mover() {
    stop();
  }

  void take_over(std::uint32_t from, std::vector<moving_block> blocks);
  /// (move, scheduler::move_outcome) since the last call.
  std::vector<std::pair<std::uint64_t, std::uint8_t>> take_outcomes();
  /// Cancels what is going on; orders are not obeyed any more.
  void stop();

private:
  struct order {
    std::uint32_t from = 0;
    moving_block block;
    std::uint64_t ordered_at = 0; ///< see block_store::put
  };

  void work();
  std::uint8_t move(const order& what);
  std::uint8_t move_cached(const order& what);
  std::uint8_t move_output(const order& what);
  std::optional<storage::map_outline> fetch_outline(const order& what);

  block_service& blocks_;
  const std::function<void()> on_outcomes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<order> orders_;
  std::vector<std::pair<std::uint64_t, std::uint8_t>> outcomes_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

} // namespace salamander::actors
