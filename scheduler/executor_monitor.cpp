#include <salamander/scheduler/executor_monitor.hpp>

#include <algorithm>

namespace salamander::scheduler {

std::optional<executor_monitor::health> executor_monitor::heard(time_point now) noexcept {
  if (dead())
    return std::nullopt;
  heard_ = std::max(heard_, now);
  if (state_ == health::alive)
    return std::nullopt;
  state_ = health::alive;
  return state_;
}

std::optional<executor_monitor::health> executor_monitor::tick(time_point now) noexcept {
  if (dead())
    return std::nullopt;
  if (now - ticked_ > limits_.watcher_gap_max)
    heard_ = std::min(now, heard_ + (now - ticked_));
  ticked_ = now;
  const auto quiet = silence(now);
  const auto next = quiet >= limits_.dead_after ? health::dead : quiet >= limits_.suspect_after ? health::suspect : health::alive;
  if (next == state_)
    return std::nullopt;
  state_ = next;
  return state_;
}

bool executor_monitor::disconnected() noexcept {
  if (dead())
    return false;
  state_ = health::dead;
  return true;
}

} // namespace salamander::scheduler
