#include <salamander/actors/memory_budget.hpp>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace salamander::actors {
namespace {

/// The smallest limit of this process's control group and the ones around it (version 2); no limit: the largest number.
std::uint64_t control_group_limit() {
  auto least = UINT64_MAX;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::"))
      continue;
    for (auto group = line.substr(3); !group.empty(); group.resize(group.find_last_of('/'))) {
      std::ifstream file("/sys/fs/cgroup" + group + "/memory.max");
      std::uint64_t limit = 0;
      if (file >> limit)
        least = std::min(least, limit);
      if (group.find_last_of('/') == std::string::npos)
        break;
    }
    std::ifstream root("/sys/fs/cgroup/memory.max");
    std::uint64_t limit = 0;
    if (root >> limit)
      least = std::min(least, limit);
  }
  return least;
}

} // namespace

std::uint64_t available_memory_bytes() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  const auto page = ::sysconf(_SC_PAGESIZE);
  const auto machine = pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : UINT64_MAX;
  return std::min(machine, control_group_limit());
}

std::uint64_t resident_memory_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  const auto page = ::sysconf(_SC_PAGESIZE);
  return page > 0 && file >> all >> resident ? resident * static_cast<std::uint64_t>(page) : 0;
}

} // namespace salamander::actors
