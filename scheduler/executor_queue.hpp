// What an executor knows of its work: stages it was told about, attempts that wait, attempts that run. Pure: no clock, no threads;
// the executor's runtime asks it under its lock.
#pragma once

#include <salamander/rdd/probes.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace salamander::scheduler {

/// Which numbers have been seen, of the last 65,536 up to the highest: a bit for each, whatever their order.
class recent_numbers {
public:
  static constexpr std::uint64_t window = 1U << 16;

  enum class answer : std::uint8_t { fresh, seen, too_old };
  answer add(std::uint64_t number) noexcept;

private:
  std::uint64_t highest_ = 0;
  std::array<std::uint64_t, window / 64> bits_{}; ///< a ring
};

/// Task has the members task (an id never used twice), stage and stage_attempt; Stage is a handle to what a stage's tasks need.
/// Limits: attempts wait in order of arrival, as many as the driver sends. Threads: use under one lock.
/// Faults: an order that comes again does not run again: while its attempt waits or runs, and as long as its number is one of the
/// last 65,536. A task of a stage that is not known is refused, also when it comes again after the stage.
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

private:
  bool known(std::uint64_t task) noexcept;

  std::map<std::pair<std::uint32_t, std::uint32_t>, Stage> stages_; ///< by (stage, attempt)
  std::deque<work> waiting_;
  std::vector<std::uint64_t> running_;
  recent_numbers seen_;
};

} // namespace salamander::scheduler

#include <salamander/scheduler/executor_queue.ipp>
