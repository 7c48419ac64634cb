// One stage: the tasks between two shuffles, or between the last shuffle and the result.
#pragma once

#include <salamander/scheduler/barrier.hpp>
#include <salamander/scheduler/exclusion.hpp>
#include <salamander/scheduler/task_set.hpp>

#include <set>
#include <unordered_map>

namespace salamander::scheduler {

struct stage {
  enum class phase_kind : std::uint8_t {
    idle,    ///< complete, or nobody has asked for it
    waiting, ///< wanted; a parent's outputs are missing, or it is to be tried again soon
    running, ///< has a current task set
  };

  /// What is known of a task that has not gone well since it last succeeded. Kept across stage attempts: a task that ends executors
  /// which also hold the outputs of its parents, or for whose sake such executors are given up, would otherwise start from zero each
  /// time, and never come to an end.
  struct trouble {
    std::uint32_t failures = 0;
    std::uint32_t executors_ended = 0;
    std::uint32_t out_of_memory = 0;
    std::vector<executor_id> failed_on; ///< while they lived
    time_point failed_at{};
    std::vector<job_failure::attempt> history;
  };

  stage_id id;
  std::shared_ptr<const core::lineage> dataset;
  std::shared_ptr<const core::lineage> map_child; ///< null: a result stage
  std::size_t map_dependency = 0;
  shuffle_id shuffle;                    ///< map stages
  job_id owner;                          ///< result stages
  std::vector<std::uint32_t> partitions; ///< result stages: the dataset's partition of each task

  std::set<job_id> jobs;
  std::vector<stage*> parents; ///< map stages; they live as long as this
  std::vector<stage*> children;
  std::vector<const core::lineage*> cached; ///< datasets of the pipeline that asked to be cached

  phase_kind phase = phase_kind::idle;
  std::uint32_t attempts = 0; ///< task sets there have been
  std::unique_ptr<task_set> current;
  std::vector<std::unique_ptr<task_set>> zombies; ///< earlier task sets with tasks still running: they launch nothing more
  /// Parents that the current attempt has not been told to read: complete cached datasets have stood between ever since it began.
  std::vector<const stage*> hidden;
  bool inputs_changed = false; ///< an input that the current task set was told of is gone
  std::optional<time_point> resubmit_at;
  std::vector<job_failure::attempt> fetch_failures; ///< one for each consecutive attempt that ended with one
  std::unordered_map<std::uint32_t, trouble> troubles;
  stage_copies copies;
  bool watched = false;                        ///< its running tasks are looked at from time to time
  std::unique_ptr<stage_exclusion> exclusions; ///< of the current attempt; null until a failure counts there
  std::optional<time_point> unschedulable_since;
  bool made_room = false;               ///< an executor is given up so that another may run what no executor may run now
  std::uint32_t executors_given_up = 0; ///< in that way, since the stage was last complete
  std::string last_failure;
  bool indeterminate = false;     ///< declared so: another run of the same tasks may give other records
  bool barrier = false;           ///< its tasks are launched together or not at all, and run again together
  std::uint32_t gangs_failed = 0; ///< attempts of a barrier stage that failed, since it was last complete
  std::optional<gang_shortage> shortage;
  std::uint32_t failures_noticed = 0;
  std::optional<std::pair<job_id, stage_id>> place_in_queue;
  std::uint64_t visited = 0; ///< last round of a walk that came by

  bool is_map() const noexcept {
    return map_child != nullptr;
  }
  std::uint32_t size() const noexcept {
    return is_map() ? dataset->partitions : static_cast<std::uint32_t>(partitions.size());
  }
  std::uint32_t partition_of(std::uint32_t index) const {
    return is_map() ? index : partitions[index];
  }
  void forget_that_it_was_unschedulable() noexcept {
    unschedulable_since.reset();
    made_room = false;
  }
  /// The task set of an attempt; null when it has no task left.
  task_set* set_of(std::uint32_t attempt);

  /// The current task set launches nothing more. Its running tasks may finish, and count.
  void retire_current();
  void drop_empty_zombies();

  bool has_copies_to_launch() const noexcept {
    return current && !copies.wanted.empty();
  }
  bool has_something_to_launch() const noexcept {
    return current && (current->pending() > 0 || !copies.wanted.empty());
  }

  /// "stage 1.0 (map at x.cpp:12)"
  std::string title(std::uint32_t attempt) const;
};

} // namespace salamander::scheduler
