// What an executor knows of its work: stages it was told about, attempts that wait, attempts that run. Pure: no clock, no threads;
// the executor's runtime asks it under its lock.
#pragma once

#include <salamander/rdd/probes.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace salamander::scheduler {

/// Task has the members task (an id never used twice), stage and stage_attempt; Stage is a handle to what a stage's tasks need.
/// Limits: attempts wait in order of arrival, as many as the driver sends; of attempts that ended the last `remembered_max` are
/// remembered. Threads: use under one lock. Faults: an order that comes again is noticed while its attempt waits, runs or is
/// remembered, and never runs twice; a task of a stage that is not known is refused and changes nothing.
template <class Task, class Stage>
class executor_queue {
public:
  enum class answer : std::uint8_t { queued, duplicate, unknown_stage };
  struct work {
    Task task;
    Stage stage;
  };
  /// Attempts that were cancelled.
  struct cancelled {
    std::vector<work> waiting;          ///< will never begin; they are ended
    std::vector<std::uint64_t> running; ///< to be interrupted; they end by `ended`
  };

  /// The same stage attempt again replaces what was known; returns that.
  std::optional<Stage> add_stage(std::uint32_t stage, std::uint32_t attempt, Stage what);
  /// Forgets all attempts of a stage; tasks that wait or run keep what they need. Returns what is not known any more.
  std::vector<Stage> forget_stage(std::uint32_t stage);

  answer add(const Task& task);
  /// The next attempt runs now; the caller reports its end with `ended`.
  std::optional<work> take();
  /// A running attempt ended. Returns false if none of that name ran.
  bool ended(std::uint64_t task);
  /// Every attempt for which `wanted(id)` holds.
  template <class Predicate>
  cancelled cancel(Predicate wanted);

  bool empty() const noexcept {
    return waiting_.empty();
  }
  std::size_t waiting() const noexcept {
    return waiting_.size();
  }
  std::size_t running() const noexcept {
    return running_.size();
  }

  static constexpr std::size_t remembered_max = 1024;

private:
  void remember(std::uint64_t task);

  std::map<std::pair<std::uint32_t, std::uint32_t>, Stage> stages_; ///< by (stage, attempt)
  std::deque<work> waiting_;
  std::unordered_set<std::uint64_t> running_;
  std::unordered_set<std::uint64_t> known_; ///< waiting, running and remembered
  std::deque<std::uint64_t> remembered_;    ///< ended, the oldest first
};

} // namespace salamander::scheduler

#include <salamander/scheduler/executor_queue.ipp>
