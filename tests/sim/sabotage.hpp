// Faults that wait for somebody to come by: user functions that throw, disks that refuse, processes that will not start.
#pragma once

#include "scenario.hpp"

#include <map>
#include <set>

namespace salamander::sim {

/// Threads: use from one thread.
class sabotage {
public:
  using place = std::pair<std::uint32_t, std::uint32_t>; ///< dataset, partition

  void arm(const planned_fault& fault, time_point until);

  /// The function of a dataset is about to see a partition. What it does: nothing, throw, or end the process.
  enum class doing : std::uint8_t { nothing, throws, ends_process };
  doing function_called(place where);

  /// A write to the output disk fails now.
  bool disk_fails(time_point now, random_stream& random);
  /// The next process of this slot ends before it registers, or never does.
  enum class start : std::uint8_t { works, fails, hangs };
  start starting(std::uint32_t slot);

  /// What has happened so far, for checks of what jobs say about it.
  struct counts {
    std::uint64_t thrown = 0;
    std::uint64_t processes_ended = 0;
    std::uint64_t allocations = 0;
    std::uint64_t disk_errors = 0;
    std::uint64_t failed_starts = 0;
    std::map<place, std::uint32_t> thrown_at;
    std::map<place, std::uint32_t> ended_at;
  };
  counts seen;

private:
  struct disk_fault {
    std::uint32_t percent = 0;
    time_point until;
  };
  std::map<place, std::uint32_t> throws_;
  std::map<place, std::uint32_t> ends_;
  std::vector<disk_fault> disk_;
  std::map<std::uint32_t, std::uint32_t> failing_starts_;
  std::map<std::uint32_t, std::uint32_t> hung_starts_;
};

} // namespace salamander::sim
