// How much of the processor the application gets: on a busy machine its time passes more slowly.
#pragma once

#include "harness/processes.hpp"

#include <map>

namespace chaos {

/// How fast a group of threads got on in `passed`, compared with a machine of their own: 1 when none had to wait, or when they kept all
/// processors busy themselves.
double share_of(const processor_time& got, std::chrono::nanoseconds passed, unsigned processors);

/// Threads: one.
class processor_share {
public:
  /// The share of all threads of these processes since the call before; 1 at first.
  double measure(const std::vector<process>& all);

private:
  using clock = std::chrono::steady_clock;

  std::map<pid_t, processor_time> threads_;
  clock::time_point measured_ = clock::now();
};

} // namespace chaos
