// When which fault was at work.
#pragma once

#include "harness/faults.hpp"

#include <map>

namespace chaos {

/// Threads: one. Times are those of one clock, in any order.
class blame {
public:
  using time_point = std::chrono::steady_clock::time_point;

  void begin(std::uint64_t fault, cause what, time_point when);
  void end(std::uint64_t fault, time_point when);
  void end_all(time_point when);

  /// What was at work at some time between the two, or had been shortly before: an executor that died then may be on its way back.
  cause between(time_point from, time_point to) const;

  /// How long a fault explains what happens after its end.
  static constexpr std::chrono::seconds aftermath{20};

private:
  struct entry {
    cause what = cause::none;
    time_point from;
    time_point to = time_point::max();
  };
  std::map<std::uint64_t, entry> all_;
};

} // namespace chaos
