// Second attempts of tasks that take too long: what has to be known to choose them.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <unordered_map>
#include <vector>

namespace salamander::scheduler {

/// The durations of successful tasks. Adding one costs next to nothing, so that stages which never have a slow task hardly pay.
class run_times {
public:
  void add(std::chrono::microseconds time) {
    times_.push_back(time);
  }
  /// The upper one of the middle two for an even number, 0 for none. Looked for again when a tenth more durations are there than
  /// the last time, so that asking often costs little.
  std::chrono::microseconds median();

private:
  std::vector<std::chrono::microseconds> times_;
  std::size_t looked_at_ = 0;
  std::chrono::microseconds median_{0};
};

/// The copies of a stage's tasks.
struct stage_copies {
  /// A task to be copied as soon as a fitting executor has a free core.
  struct wish {
    std::uint32_t index = 0;
    task_id original;
    bool of_suspect = false; ///< for its executor's silence, and not any more when that ends
  };
  struct twins {
    task_id original;
    task_id copy;
    task_id other(task_id one) const {
      return one == original ? copy : original;
    }
  };

  std::vector<wish> wanted;
  std::unordered_map<std::uint32_t, twins> running; ///< tasks with two attempts, by index

  bool has(std::uint32_t index) const;
};

} // namespace salamander::scheduler
