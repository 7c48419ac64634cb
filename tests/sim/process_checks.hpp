// Checks of what the supervisor decides about processes.
#pragma once

#include "world.hpp"

#include <salamander/scheduler/executor_supervisor.hpp>

namespace salamander::sim {

/// Of one driver. Invariants S6 (one owner of a slot), S7, S10 and the restart intensity.
class process_checks {
public:
  explicit process_checks(world& around) : world_(around), slots_(around.settings.slots) {}

  void starts(const scheduler::executor_supervisor::start_process& what, bool stopping);
  void restart_planned(const scheduler::executor_supervisor::start_later& what, bool stopping);
  void admitted(executor_id executor);
  void ended(executor_id executor);
  void exhausted() const;

private:
  struct slot {
    std::optional<executor_id> executor; ///< its process has not ended
    bool was_admitted = false;
    std::uint32_t failed_starts = 0;  ///< in a row
    std::vector<time_point> restarts; ///< when they were to be
  };

  world& world_;
  std::vector<slot> slots_;
  std::set<executor_id> used_;
};

} // namespace salamander::sim
