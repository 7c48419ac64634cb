// Virtual time: what is to happen, in the order of time, and at the same time in the order of asking.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace salamander::sim {

using scheduler::duration;
using scheduler::time_point;

/// When every run begins: nothing may depend on the clock starting at zero.
inline constexpr time_point beginning = time_point{} + std::chrono::hours(1);

/// Whose turn it is when an event comes: a simulated process. What a process has to do waits while it is stopped (SIGSTOP) and is
/// forgotten when it has ended.
/// Limits: processes are numbered by whoever starts them, densely. Threads: use from one thread.
class event_queue {
public:
  using process = std::uint32_t;
  using handler = std::function<void()>;

  /// The world itself: never stopped, never ended.
  static constexpr process world = 0;

  time_point now() const noexcept {
    return now_;
  }

  /// A new process, which runs.
  process start();
  void stop(process which);   ///< SIGSTOP
  void resume(process which); ///< SIGCONT: what was due meanwhile is due now, in its old order
  void end(process which);
  bool stopped(process which) const {
    return processes_[which].state == state::stopped;
  }
  bool ended(process which) const {
    return processes_[which].state == state::ended;
  }

  void at(time_point when, process whose, handler what);
  void after(duration delay, process whose, handler what) {
    at(now_ + delay, whose, std::move(what));
  }

  /// Lets the next event happen. False: nothing is left to happen, or nothing before `until`, which is the time then.
  bool step(time_point until);

  std::uint64_t happened() const noexcept {
    return happened_;
  }
  /// Events that still wait for a process that is alive.
  std::size_t waiting_for(process which) const;

private:
  enum class state : std::uint8_t { running, stopped, ended };
  struct entry {
    time_point when;
    std::uint64_t order = 0;
    process whose = world;
    handler what;
  };
  struct process_state {
    sim::event_queue::state state = state::running;
    std::vector<entry> deferred;
  };
  static bool later(const entry& a, const entry& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }

  time_point now_ = beginning;
  std::vector<entry> heap_;
  std::vector<process_state> processes_{1};
  std::uint64_t next_ = 0;
  std::uint64_t happened_ = 0;
};

} // namespace salamander::sim
