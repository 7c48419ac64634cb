// The tasks of one attempt of one stage: which are waiting, which run where, how often each has failed.
#pragma once

#include <salamander/scheduler/speculation.hpp>

#include <deque>
#include <limits>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

namespace salamander::scheduler {

/// Tasks are known by their index in the stage. Everything here is O(1) amortised but forget_executor and running_indices.
class task_set {
public:
  enum class status : std::uint8_t {
    done,      ///< nothing to do: finished, or never needed in this attempt
    pending,   ///< to be launched
    running,   ///< launched by this attempt
    elsewhere, ///< still running from an earlier attempt of the stage, whose success counts
  };

  task_set(std::uint32_t attempt, std::uint32_t size, time_point now);

  std::uint32_t attempt() const noexcept {
    return attempt_;
  }
  status status_of(std::uint32_t index) const {
    return status_[index];
  }
  std::uint32_t pending() const noexcept {
    return pending_;
  }
  std::uint32_t running() const noexcept {
    return running_;
  }
  std::uint32_t elsewhere() const noexcept {
    return elsewhere_;
  }
  std::uint32_t running_on(executor_id executor) const;
  std::vector<std::uint32_t> running_indices() const;

  /// Queues a task of a new attempt behind the others. `preferred`: executors it should rather run on; empty: any.
  void want(std::uint32_t index, std::vector<executor_id> preferred);
  void expect_elsewhere(std::uint32_t index);

  /// Queues a task again, before all others: what failed once should fail again soon rather than late.
  void again(std::uint32_t index);
  /// Queues a task that failed, or that a failed executor took along, for `start` alone: it does not go just anywhere.
  void choose_for(std::uint32_t index);
  void finish(std::uint32_t index);

  bool has_chosen() const noexcept {
    return chosen_pending_ > 0;
  }
  /// The oldest task queued by choose_for for which `fits` holds, now running on `executor`.
  /// Limits: only the first `chosen_seen_max` are looked at, so that an executor on which all of many tasks failed costs little.
  template <class Predicate>
  std::optional<std::uint32_t> take_chosen(executor_id executor, Predicate&& fits);
  /// Whether `wanted` holds for one of these tasks; same limit.
  template <class Predicate>
  bool any_chosen(Predicate&& wanted);
  static constexpr std::size_t chosen_seen_max = 64;
  /// Whether there is a pending task that `take` could give.
  bool has_others() const noexcept {
    return pending_ > chosen_pending_;
  }
  /// An attempt of a task that is pending, or a second one of a task that runs here or elsewhere, begins on `executor`.
  void start(std::uint32_t index, executor_id executor);

  /// The next task for a free core of `executor`, now running there; none if the remaining ones still wait for another executor.
  enum class choice : std::uint8_t { local, any }; ///< local: only tasks that prefer this executor
  std::optional<std::uint32_t> take(executor_id executor, time_point now, duration locality_wait, choice from);

  /// An attempt on `executor` came to its end; finish or again says what becomes of its task.
  void ended(executor_id executor);

  /// When tasks that wait for a core of an executor they prefer will go anywhere; none if there are no such tasks.
  std::optional<time_point> relaxation(duration locality_wait) const;

  /// Nobody waits for an executor that is gone.
  void forget_executor(executor_id executor);

  /// Nobody waits for an executor that takes no more tasks; those that run there go on.
  void forget_preference(executor_id executor);

  /// Ordinal of the attempt that `take` has just begun.
  std::uint32_t task_attempt(std::uint32_t index) const {
    return attempts_[index] - 1;
  }

  /// Of a task that has succeeded.
  void record_run_time(std::chrono::microseconds time);
  /// From so many successes on, slow tasks are looked for: run times are kept from now on.
  void look_for_slow_ones_after(std::uint64_t successes) {
    slow_ones_after_ = successes;
  }
  bool slow_ones_wanted() const noexcept {
    return finished_ >= slow_ones_after_;
  }
  /// Requires: look_for_slow_ones_after was called before the first success.
  std::chrono::microseconds median_run_time() {
    return run_times_.median();
  }

  /// Executors that a task which was queued by `want` should rather run on.
  const std::vector<executor_id>& preferred(std::uint32_t index) const;

  /// How many tasks beyond its cores an executor should hold per core, so that it need not wait for a message between two short
  /// tasks. Grows with the number of finished tasks, so that a few quick ones do not pile up slow ones.
  std::uint32_t lookahead(std::uint32_t tasks_max, std::uint32_t total_cores) const;

private:
  bool choosy(std::uint32_t index) const {
    return !preferred_.empty() && !preferred_[index].empty();
  }
  bool chosen(std::uint32_t index) const {
    return !chosen_.empty() && chosen_[index];
  }
  void leave(std::uint32_t index);
  std::optional<std::uint32_t> pop(std::deque<std::uint32_t>& queue);

  std::uint32_t attempt_;
  std::vector<status> status_;
  std::vector<std::uint32_t> attempts_;
  std::uint32_t pending_ = 0;
  std::uint32_t choosy_pending_ = 0;
  std::uint32_t chosen_pending_ = 0;
  std::uint32_t elsewhere_ = 0;
  std::uint32_t running_ = 0;

  // Queues may hold entries of tasks that are no longer pending; they are skipped when met.
  std::deque<std::uint32_t> anywhere_;                                              ///< without preference
  std::deque<std::uint32_t> choosy_;                                                ///< with a preference, for when the wait is over
  std::unordered_map<executor_id, std::deque<std::uint32_t>, core::id_hash> local_; ///< with a preference, by executor
  std::vector<std::vector<executor_id>> preferred_;                                 ///< empty while no task prefers any
  time_point last_local_launch_;
  std::list<std::uint32_t> to_be_chosen_; ///< may hold entries of tasks that are no longer pending
  std::vector<bool> chosen_;              ///< by index: waits in to_be_chosen_; empty while no task ever did

  std::unordered_map<executor_id, std::uint32_t, core::id_hash> running_on_;
  std::uint64_t finished_ = 0;
  std::chrono::microseconds run_time_{0};
  std::uint64_t slow_ones_after_ = std::numeric_limits<std::uint64_t>::max();
  run_times run_times_;
};

template <class Predicate>
bool task_set::any_chosen(Predicate&& wanted) {
  std::size_t seen = 0;
  for (auto it = to_be_chosen_.begin(); it != to_be_chosen_.end() && seen < chosen_seen_max;) {
    if (!chosen(*it)) {
      it = to_be_chosen_.erase(it);
      continue;
    }
    if (wanted(*it))
      return true;
    ++seen;
    ++it;
  }
  return false;
}

template <class Predicate>
std::optional<std::uint32_t> task_set::take_chosen(executor_id executor, Predicate&& fits) {
  std::optional<std::uint32_t> found;
  if (has_chosen() && any_chosen([&](std::uint32_t index) {
        if (!fits(index))
          return false;
        found = index;
        return true;
      }))
    start(*found, executor);
  return found;
}

} // namespace salamander::scheduler
