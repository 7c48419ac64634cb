// Second attempts of tasks that take too long: what has to be known to choose them.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <unordered_map>
#include <vector>

namespace salamander::scheduler {

/// The durations of successful tasks. Adding one costs next to nothing, so that stages which never have a slow task hardly pay;
/// the order is made up for when the median is asked for, in O(log n) for each duration that is new since.
class run_times {
public:
  void add(std::chrono::microseconds time) {
    fresh_.push_back(time);
  }
  /// The upper one of the middle two for an even number, 0 for none.
  std::chrono::microseconds median();

private:
  std::vector<std::chrono::microseconds> fresh_;
  std::vector<std::chrono::microseconds> lower_; ///< a heap, the greatest on top
  std::vector<std::chrono::microseconds> upper_; ///< a heap, the least on top; as many as lower_ or one more
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
