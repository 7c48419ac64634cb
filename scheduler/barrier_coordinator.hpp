// Where the tasks of barrier stages wait for each other: one state machine on the driver, for all of them. Pure: the caller brings the
// time and does the sending.
//
//     a task              barrier_coordinator              its neighbours
//       reached epoch 0 ------>
//                              <------------------------- reached epoch 0    (the last one of the gang)
//       <------ pass ---------- with what all have said ------- pass --->
#pragma once

#include <salamander/scheduler/events.hpp>

#include <map>
#include <unordered_map>

namespace salamander::scheduler {

struct barrier_limits {
  duration sync_timeout = std::chrono::hours(24 * 365); ///< from the first task that has reached an epoch to the last one
  std::size_t gathered_bytes_max = 512U << 10;          ///< what all tasks of a stage say in one epoch
};

/// What a task waits for.
enum class barrier_call : std::uint8_t { barrier, all_gather };

/// Limits: barrier_limits; memory is that of the gangs that run and of what waiting tasks have said. Threads: use from one thread.
/// Faults: a task that cannot be waited for any more fails those that wait for it; what comes of tasks that are not known, because they
/// were cancelled, lost or have ended, and what comes twice, changes nothing.
class barrier_coordinator {
public:
  /// These tasks have passed an epoch.
  struct pass {
    std::vector<task_id> tasks;
    std::uint32_t epoch = 0;
    std::vector<std::string> gathered; ///< by partition; empty unless they gather
  };
  /// These tasks shall fail: not all of their stage will come.
  struct give_up {
    std::vector<task_id> tasks;
    std::uint32_t epoch = 0;
    std::string why;
  };
  using decision = std::variant<pass, give_up>;

  explicit barrier_coordinator(barrier_limits limits) : limits_(limits) {}

  /// All tasks of an attempt of a barrier stage have been launched, in the order of their partitions.
  void launched(stage_id stage, std::uint32_t stage_attempt, const std::vector<task_id>& tasks);
  /// A task waits in its call number `epoch`, counted from 0.
  std::vector<decision> reached(task_id task, std::uint32_t epoch, barrier_call how, std::string text, time_point now);
  /// A task has ended and says nothing more. If it has succeeded nobody cancels the others: those that wait for it fail.
  std::vector<decision> ended(task_id task, bool succeeded);
  std::vector<decision> timed_out(time_point now);
  /// When timed_out has something to decide, if nothing happens before.
  std::optional<time_point> next_timeout() const;

  std::size_t gangs() const noexcept {
    return gangs_.size();
  }

private:
  struct member {
    bool waits = false;
    bool left = false; ///< it has succeeded
    std::string text;
  };
  struct gang {
    stage_id stage;
    std::uint32_t stage_attempt = 0;
    std::vector<task_id> tasks;
    std::vector<member> members;
    std::size_t here = 0; ///< tasks that have not ended
    std::uint32_t epoch = 0;
    barrier_call how = barrier_call::barrier; ///< of the first that has come
    std::size_t waiting = 0;
    std::size_t bytes = 0;
    time_point due{};
  };

  std::vector<decision> complete(gang& all);
  std::vector<decision> dissolve(gang& all, std::string why);
  static std::string title_of(const gang& all);

  barrier_limits limits_;
  std::uint64_t next_gang_ = 0;
  std::map<std::uint64_t, gang> gangs_;
  std::unordered_map<task_id, std::pair<std::uint64_t, std::size_t>, core::id_hash> places_; ///< gang, and index in it
};

} // namespace salamander::scheduler
