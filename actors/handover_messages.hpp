// What driver and executors tell each other when one of them leaves; see messages.hpp.
#pragma once

#include <salamander/actors/executor_runtime.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace salamander::actors {

/// The executor fetches these blocks from another one, which leaves, and keeps them; answered by blocks_taken.
struct take_blocks {
  static constexpr const char* wire_name = "salamander.take_blocks";
  static constexpr std::size_t blocks_max = 8192;
  std::uint32_t from = 0;
  std::vector<moving_block> blocks;
  template <class F>
  void fields(F&& f) {
    f(from, blocks);
  }
  std::size_t wire_bytes() const {
    return 16 + blocks.size() * 32;
  }
};

/// What has become of blocks that the executor was to take.
struct blocks_taken {
  static constexpr const char* wire_name = "salamander.blocks_taken";
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::vector<std::pair<std::uint64_t, std::uint8_t>> outcomes; ///< (move, scheduler::move_outcome)
  template <class F>
  void fields(F&& f) {
    f(executor, incarnation, outcomes);
  }
  std::size_t wire_bytes() const {
    return 64 + outcomes.size() * sizeof(outcomes[0]);
  }
};

} // namespace salamander::actors
