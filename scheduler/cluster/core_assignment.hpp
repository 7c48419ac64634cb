// How many cores of each worker one application gets.
#pragma once

#include <cstdint>
#include <vector>

namespace salamander::scheduler::cluster {

/// What a worker has left for an application.
struct worker_room {
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
};

struct executor_wish {
  std::uint32_t cores_each = 0; ///< 0: one executor on each worker, with all that is given there
  std::uint64_t memory_bytes_each = 0;
  std::uint32_t cores_max = 0;     ///< of all together
  std::uint32_t executors_max = 0; ///< how many
  bool spread_out = true;          ///< one on each worker in turn; else a worker is filled before the next one
};

/// Cores by worker, in the order of `rooms`, which is the order of preference; always multiples of cores_each. What does not fit is not given.
/// Source: Spark's standalone master.
std::vector<std::uint32_t> assign_cores(const std::vector<worker_room>& rooms, const executor_wish& wish);

} // namespace salamander::scheduler::cluster
