// Notices tasks that make no progress, run longer than they may, or do not stop when they are told to. No clock, no threads: it is
// shown where the tasks are from time to time, and says what it thinks of that.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace salamander::actors {

struct watch_limits {
  std::chrono::milliseconds timeout{0};          ///< salamander.task.timeout; 0: none
  std::chrono::milliseconds kill_grace{5000};    ///< salamander.task.killGrace
  std::chrono::milliseconds progress_warning{0}; ///< salamander.task.progressWarning; 0: none

  bool wanted() const noexcept {
    return timeout.count() != 0 || progress_warning.count() != 0;
  }
  /// Often enough that nothing is noticed much later than it should be, and never a burden.
  std::chrono::milliseconds look_interval() const noexcept;
};

/// Where the task of one thread is.
struct watched_task {
  using time_point = std::chrono::steady_clock::time_point;

  std::uint64_t task = 0; ///< 0: none
  std::uint32_t stage = 0;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  std::uint32_t dataset = 0;
  std::uint64_t record = 0;
  time_point started{};
};

/// Used by one thread.
class task_watch {
public:
  using time_point = watched_task::time_point;
  using duration = std::chrono::steady_clock::duration;

  enum class kind : std::uint8_t {
    no_progress, ///< worth a warning; once until it moves again
    timed_out,   ///< tell it to stop
    stuck,       ///< it was told to, and did not within the grace; said once
  };
  struct finding {
    std::size_t slot = 0; ///< of the thread
    kind what = kind::no_progress;
    watched_task where;
    duration running{0};
    duration idle{0}; ///< since it moved last, as far as was seen
  };

  explicit task_watch(watch_limits limits) noexcept : limits_(limits) {}

  std::vector<finding> look(std::span<const watched_task> slots, time_point now);

private:
  struct slot_state {
    watched_task last;
    time_point moved{};
    bool warned = false;
    std::optional<time_point> told_to_stop;
    bool given_up = false;
  };

  void look_at(std::size_t slot, const watched_task& where, time_point now, std::vector<finding>& out);

  watch_limits limits_;
  std::vector<slot_state> slots_;
};

/// What a finding says to people. `title`: of the dataset the task is in, "map at a.cpp:3"; may be empty.
std::string describe(const task_watch::finding& what, const watch_limits& limits, const std::string& title);

} // namespace salamander::actors
