#include <salamander/scheduler/cluster/core_assignment.hpp>

namespace salamander::scheduler::cluster {

std::vector<std::uint32_t> assign_cores(const std::vector<worker_room>& rooms, const executor_wish& wish) {
  const bool one_each = wish.cores_each == 0;
  const auto step = one_each ? 1U : wish.cores_each;
  std::vector<std::uint32_t> cores(rooms.size(), 0);
  std::uint32_t cores_left = wish.cores_max;
  std::uint32_t executors_left = wish.executors_max;
  const auto fits = [&](std::size_t at) {
    if (cores_left < step || rooms[at].cores - cores[at] < step)
      return false;
    if (one_each && cores[at] > 0)
      return true; // the executor that is there grows
    const auto executors_here = cores[at] / step;
    return executors_left > 0 && (wish.memory_bytes_each == 0 || rooms[at].memory_bytes / wish.memory_bytes_each > executors_here);
  };
  for (bool any = true; any;) {
    any = false;
    for (std::size_t at = 0; at < rooms.size(); ++at)
      while (fits(at)) {
        if (!one_each || cores[at] == 0)
          --executors_left;
        cores[at] += step;
        cores_left -= step;
        any = true;
        if (wish.spread_out)
          break;
      }
  }
  return cores;
}

} // namespace salamander::scheduler::cluster
