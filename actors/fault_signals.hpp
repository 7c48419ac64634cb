// Signals to executors' processes at a time of their own: stop now and go on later, or both in turns.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace salamander::actors {

/// Threads: any; its own thread starts with the first order. Faults: no process is left stopped by `end`.
class fault_signals {
public:
  /// `send(executor, signal)`; a process that is gone is none of our business.
  explicit fault_signals(std::function<void(std::uint32_t, int)> send) : send_(std::move(send)) {}
  fault_signals(const fault_signals&) = delete;
  fault_signals& operator=(const fault_signals&) = delete;
  ~fault_signals() {
    end();
  }

  void stop(std::uint32_t executor, std::chrono::milliseconds time);
  /// Stopped and continued in turns, so that it runs 1 / factor of the time.
  void slow(std::uint32_t executor, double factor, std::chrono::milliseconds time);
  /// Continues all that are stopped. Idempotent; orders after it have no effect.
  void end();

private:
  using clock = std::chrono::steady_clock;
  struct turn {
    std::uint32_t executor = 0;
    bool stopped = false; ///< what it is now
    std::chrono::milliseconds runs{0};
    std::chrono::milliseconds rests{0};
    clock::time_point until;
  };

  void begin(turn one);
  void work();

  const std::function<void(std::uint32_t, int)> send_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<clock::time_point, turn> due_;
  bool ended_ = false;
  std::thread thread_;
};

} // namespace salamander::actors
