// The executors there are, and how busy.
#pragma once

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/events.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace salamander::scheduler {

struct executor {
  executor_id id;
  std::uint32_t cores = 0;     ///< tasks that it runs at once
  std::uint32_t running = 0;   ///< attempts sent and not yet answered, cancelled ones included: they hold their core until they end
  bool suspect = false;        ///< nothing new is sent there
  bool ending = false;         ///< it is to be killed; nothing new is sent there
  bool leaving = false;        ///< it hands over what it holds; nothing new is sent there
  std::string host{};          ///< empty: unknown
  time_point queue_moved{};    ///< when an attempt that had been sent ahead of a free core last began
  std::uint32_t receiving = 0; ///< blocks of leaving executors that are on their way here
  std::uint64_t received = 0;  ///< such blocks that were ever sent here
  std::size_t last_launch = 0; ///< of this round, among all launches

  bool takes_tasks() const noexcept {
    return (!suspect || core::planted(core::defect::suspect_gets_tasks)) && !ending && !leaving;
  }
};

/// Live executors in the order of their ids. An id that was lost is refused when it comes again.
class executor_table {
public:
  /// Returns null for an id that is there already or was lost.
  executor* add(executor_id id, std::uint32_t cores, std::string host);
  void remove(executor_id id);

  executor* find(executor_id id);
  const executor* find(executor_id id) const;

  std::uint32_t total_cores() const noexcept {
    return total_cores_;
  }
  std::map<executor_id, executor>& all() noexcept {
    return executors_;
  }
  const std::map<executor_id, executor>& all() const noexcept {
    return executors_;
  }

private:
  std::map<executor_id, executor> executors_;
  std::set<executor_id> lost_;
  std::uint32_t total_cores_ = 0;
};

} // namespace salamander::scheduler
