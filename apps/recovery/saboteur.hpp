// Harms executors of a running application and notes when the driver saw it.
#pragma once

#include <salamander/salamander.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace app {

using wall_clock = std::chrono::steady_clock; ///< one for all processes of a machine

inline double seconds_between(wall_clock::time_point from, wall_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Who was struck, and when.
struct strike {
  std::int64_t process = 0;
  wall_clock::time_point at;
};

/// A file by which a task tells the driver's program that it is about to end its own process. In a directory of its own; gone with this.
class death_note {
public:
  death_note();
  death_note(const death_note&) = delete;
  death_note& operator=(const death_note&) = delete;
  ~death_note();

  const std::string& path() const noexcept {
    return path_;
  }
  /// The strike that the note tells of, once it was written.
  std::optional<strike> read() const;
  /// For tasks: the first process to call this kills itself, after it has noted so; for others, and later, nothing happens.
  static void obey(const std::string& path);

private:
  std::string path_;
};

/// Sends a signal to an executor's process; nothing if there is no such process.
std::optional<strike> send_signal(std::int64_t process, int signal);

/// The last of the executors that are alive. Errors: std::runtime_error if none is.
salamander::executor_info last_alive(const salamander::context& sc);

/// One strike in a thread of its own, and the watch for its consequences.
/// Limits: the watch ends after `watch_max` or when the watcher is destroyed. Threads: members are for the thread that made it.
class watched_strike {
public:
  /// Calls `act` after `delay`; it gives the strike, or nothing as long as it did not happen yet.
  watched_strike(const salamander::context& sc, std::chrono::milliseconds delay, std::function<std::optional<strike>()> act);
  watched_strike(const watched_strike&) = delete;
  watched_strike& operator=(const watched_strike&) = delete;
  ~watched_strike() = default;

  struct outcome {
    bool happened = false;
    std::optional<double> noticed;  ///< seconds until the driver called the executor dead
    std::optional<double> replaced; ///< seconds until there were as many executors alive as before
  };
  /// Waits for the end of the watch.
  outcome wait();

private:
  static constexpr std::chrono::seconds watch_max{60};
  outcome watch(std::stop_token stop, const salamander::context& sc, std::chrono::milliseconds delay,
                const std::function<std::optional<strike>()>& act);

  outcome result_;
  std::jthread thread_; ///< last: it uses the others
};

} // namespace app
