// One local actor for each remote executor: callers talk to it as if the executor could not vanish, and what a dead executor still
// says ends here.
#pragma once

#include <salamander/actors/interfaces.hpp>
#include <salamander/actors/progress.hpp>
#include <salamander/scheduler/executor_monitor.hpp>

#include <atomic>

namespace salamander::actors {

struct link_setup {
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  executor_actor remote;
  scheduler_actor scheduler;
  supervisor_actor supervisor;
  std::shared_ptr<executor_board> executors;
  std::shared_ptr<std::atomic<std::uint64_t>> refused_messages; ///< counts what came from the dead or from impostors
  scheduler::executor_monitor::limits limits;
  std::chrono::milliseconds check_interval{250};
  std::chrono::milliseconds linger{10000}; ///< how long a fenced link stays to refuse late messages
};

/// Sends `welcome` to the executor, then passes messages on in both directions until it is dead.
executor_link spawn_link(caf::actor_system& system, const link_setup& setup);

} // namespace salamander::actors
