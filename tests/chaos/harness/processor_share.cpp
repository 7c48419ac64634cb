#include "harness/processor_share.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace chaos {
namespace {

using std::chrono::nanoseconds;

/// A group that hardly wants the processor is not held up by having none.
constexpr double idle = 0.02;
/// Whatever the numbers say, time does not stand still.
constexpr double share_min = 0.02;

} // namespace

double share_of(const processor_time& got, nanoseconds passed, unsigned processors) {
  const auto ran = static_cast<double>(got.ran.count());
  const auto waited = static_cast<double>(got.waited.count());
  const auto time = static_cast<double>(std::max<nanoseconds::rep>(passed.count(), 1));
  if (ran + waited < idle * time)
    return 1;
  return std::clamp(std::max(ran / (ran + waited), ran / (time * processors)), share_min, 1.0);
}

double processor_share::measure(const std::vector<process>& all) {
  std::map<pid_t, processor_time> now;
  for (const auto& one : all)
    for (const auto& [thread, time] : processor_times_of(one.id))
      now.emplace(thread, time);
  processor_time got;
  for (const auto& [thread, time] : now) {
    const auto before = threads_.contains(thread) ? threads_[thread] : processor_time{};
    if (time.ran < before.ran || time.waited < before.waited)
      continue; // another thread with a number that was free again
    got.ran += time.ran - before.ran;
    got.waited += time.waited - before.waited;
  }
  threads_ = std::move(now);
  const auto begin = std::exchange(measured_, clock::now());
  return share_of(got, measured_ - begin, std::max(1U, std::thread::hardware_concurrency()));
}

} // namespace chaos
