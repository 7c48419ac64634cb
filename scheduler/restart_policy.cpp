#include <salamander/scheduler/restart_policy.hpp>

#include <salamander/rdd/probes.hpp>

#include <algorithm>

namespace salamander::scheduler {
namespace {

constexpr std::uint32_t doublings_max = 6;

} // namespace

std::optional<time_point> restart_policy::ended(time_point now, bool was_ready) {
  if (was_ready)
    start_failures_ = 0;
  else if (++start_failures_ >= limits_.start_failures_max)
    return std::nullopt;
  if (limits_.restarts_max == 0)
    return std::nullopt;
  while (!restarts_.empty() && restarts_.front() + limits_.window <= now)
    restarts_.pop_front();
  const auto restarts_max = limits_.restarts_max + (core::planted(core::defect::restart_intensity_off_by_one) ? 1 : 0);
  auto when = now;
  if (restarts_.size() >= restarts_max)
    when = std::max(now, restarts_[restarts_.size() - restarts_max] + limits_.window);
  if (start_failures_ > 0 && was_ever_ready_)
    when = std::max(when, now + limits_.start_failure_wait * (1U << std::min(start_failures_ - 1, doublings_max)));
  restarts_.push_back(when);
  return when;
}

} // namespace salamander::scheduler
