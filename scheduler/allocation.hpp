// How many executors an application wants, and which idle ones it gives up. Pure: looks at the load from time to time; the caller brings
// the time.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <functional>
#include <limits>
#include <map>
#include <set>
#include <vector>

namespace salamander::scheduler {

/// Contradictory settings are for the caller to refuse: min <= max, 0 < ratio <= 1.
struct allocation_options {
  std::uint32_t executors_min = 0;
  std::uint32_t executors_initial = 0;
  std::uint32_t executors_max = std::numeric_limits<std::uint32_t>::max();
  double ratio = 1;                                     ///< of an executor for each that could run a task at once
  std::uint32_t slots_expected = 1;                     ///< tasks at once on one executor, until the first is there
  duration backlog_timeout = std::chrono::seconds(1);   ///< tasks wait for so long before executors are asked for
  duration sustained_timeout = std::chrono::seconds(1); ///< and again
  duration idle_timeout = std::chrono::seconds(60);     ///< an executor that runs nothing leaves
  /// One that holds blocks for which others have no room, or that are not to be handed over, goes with them. Without value: never.
  std::optional<duration> cached_idle_timeout;
  bool hands_over = true; ///< blocks move before an executor goes
};

/// How busy a driver's executors are.
struct driver_load {
  struct one {
    executor_id executor;
    std::uint32_t slots = 0;
    std::uint32_t running = 0;
    bool leaving = false;
  };
  std::vector<one> executors;
  std::uint32_t pending = 0; ///< tasks that could run now
  std::uint32_t running = 0;
};

/// Asks for 1, 2, 4, 8, ... more executors as long as tasks wait, for no more than could run tasks; gives back what is not needed. Never
/// gives up an executor that runs something, nor goes below the minimum or what is wanted. Threads: use from one thread.
/// Source: ExecutorAllocationManager of Apache Spark, with hand-over instead of executors that cached blocks keep for ever.
class allocation {
public:
  struct decision {
    std::optional<std::uint32_t> target; ///< the number of executors wanted, if it has changed
    std::vector<executor_id> leaving;    ///< shall hand over what they hold, or stay if they cannot
    std::vector<executor_id> dropped;    ///< shall end with what they hold
  };

  explicit allocation(const allocation_options& options) : options_(options), target_(options.executors_initial) {}

  /// `holds_blocks` is asked about executors that have been idle for long only.
  decision look(const driver_load& load, const std::function<bool(executor_id)>& holds_blocks, time_point now);
  /// One that was to leave could not hand over what it holds.
  void stays(executor_id executor);

  std::uint32_t target() const noexcept {
    return target_;
  }

private:
  std::uint32_t needed(const driver_load& load);
  void set_target(const driver_load& load, time_point now);
  void give_up_idle(const driver_load& load, const std::function<bool(executor_id)>& holds_blocks, time_point now, decision& made);

  const allocation_options options_;
  std::uint32_t target_;
  std::uint32_t slots_ = 0; ///< of the largest executor seen
  std::uint32_t to_add_ = 1;
  std::optional<time_point> add_at_; ///< tasks wait; more executors are asked for then
  bool beginning_ = true;            ///< nothing has been wanted or idle for long yet: the initial number stays
  std::map<executor_id, time_point> idle_since_;
  std::set<executor_id> stuck_; ///< whose blocks nobody has room for
};

} // namespace salamander::scheduler
