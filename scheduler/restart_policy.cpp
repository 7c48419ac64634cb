#include <salamander/scheduler/restart_policy.hpp>

#include <algorithm>

namespace salamander::scheduler {

std::optional<time_point> restart_policy::ended(time_point now, bool was_ready) {
  if (was_ready)
    start_failures_ = 0;
  else if (++start_failures_ >= limits_.start_failures_max)
    return std::nullopt;
  if (limits_.restarts_max == 0)
    return std::nullopt;
  while (!restarts_.empty() && restarts_.front() + limits_.window <= now)
    restarts_.pop_front();
  auto when = now;
  if (restarts_.size() >= limits_.restarts_max)
    when = std::max(now, restarts_[restarts_.size() - limits_.restarts_max] + limits_.window);
  restarts_.push_back(when);
  return when;
}

} // namespace salamander::scheduler
