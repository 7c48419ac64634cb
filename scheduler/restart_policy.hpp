// Decides when the process of an executor slot is started again. Pure: the caller brings the time.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <deque>
#include <optional>

namespace salamander::scheduler {

/// The restart intensity of one slot: replacements come at once while there were fewer than `restarts_max` within `window`, else
/// as soon as the window allows. A program that ends `start_failures_max` times in a row before it was ready is given up: soon, if it
/// never was ready in this slot; if it was, the machine lacks something (a full disk, no memory), which gets time to come back:
/// `start_failure_wait` before the second attempt, and twice as long before each further one.
/// Threads: use from one thread.
class restart_policy {
public:
  struct limits {
    std::uint32_t restarts_max = 5;
    duration window = std::chrono::seconds(30);
    std::uint32_t start_failures_max = 5;
    duration start_failure_wait = std::chrono::seconds(1);
  };

  explicit restart_policy(limits bounds) : limits_(bounds) {}

  /// The process in this slot reported for work.
  void ready() noexcept {
    start_failures_ = 0;
    was_ever_ready_ = true;
  }

  /// The process ended. Returns when to start the next one, which counts as started then; nothing: give the slot up.
  std::optional<time_point> ended(time_point now, bool was_ready);

  std::uint32_t start_failures() const noexcept {
    return start_failures_;
  }

private:
  limits limits_;
  std::uint32_t start_failures_ = 0;
  bool was_ever_ready_ = false;
  std::deque<time_point> restarts_;
};

} // namespace salamander::scheduler
