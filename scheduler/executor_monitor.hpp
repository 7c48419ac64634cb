// Decides from heartbeats alone whether an executor is alive, suspect or dead. Pure: the caller brings the time.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <optional>

namespace salamander::scheduler {

/// Watches one incarnation of one executor. Once dead it stays dead, whatever arrives later.
/// A watcher that was itself stopped for a while (a suspended driver) does not take its own absence for the executor's silence.
/// Threads: use from one thread.
class executor_monitor {
public:
  enum class health : std::uint8_t { alive, suspect, dead };

  struct limits {
    duration suspect_after = std::chrono::seconds(3);
    duration dead_after = std::chrono::seconds(5);
    /// Ticks further apart than this mean that the watcher did not run.
    duration watcher_gap_max = std::chrono::seconds(1);
  };

  executor_monitor(limits bounds, time_point now) noexcept : limits_(bounds), heard_(now), ticked_(now) {}

  /// Something came from the executor. Returns the new health if it changed; a dead executor stays dead.
  std::optional<health> heard(time_point now) noexcept;
  /// Time has passed; call it several times within suspect_after. Returns the new health if it changed.
  std::optional<health> tick(time_point now) noexcept;
  /// The connection ended: dead at once. Returns false if it was dead already.
  bool disconnected() noexcept;

  health state() const noexcept {
    return state_;
  }
  bool dead() const noexcept {
    return state_ == health::dead;
  }
  /// How long nothing has been heard, the watcher's own absences left out.
  duration silence(time_point now) const noexcept {
    return now - heard_;
  }

private:
  limits limits_;
  time_point heard_;
  time_point ticked_;
  health state_ = health::alive;
};

} // namespace salamander::scheduler
