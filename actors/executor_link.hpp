// One local actor for each remote executor: callers talk to it as if the executor could not vanish and the network lost nothing, and
// what a dead executor still says ends here. A connection that breaks is none of their business: the executor makes another one.
#pragma once

#include <salamander/actors/fault_messages.hpp>
#include <salamander/actors/interfaces.hpp>
#include <salamander/actors/progress.hpp>
#include <salamander/scheduler/executor_session.hpp>

#include <atomic>

namespace salamander::actors {

/// For fault injection: asked for each message on its way between a link and its executor, `way` as seen from the driver.
/// Threads: called by the links of all executors. Null: no message has a fate, at no cost.
using message_filter =
    std::function<message_fate(std::uint32_t executor, testing::direction way, const char* name, scheduler::time_point now)>;

using link_session = scheduler::executor_session<order_pointer, report_pointer>;

struct link_setup {
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  executor_actor remote;
  scheduler_actor scheduler;
  executors_owner supervisor;
  std::shared_ptr<executor_board> executors;
  std::shared_ptr<std::atomic<std::uint64_t>> refused_messages; ///< counts what came from the dead or from impostors
  link_session::limits limits;
  std::chrono::milliseconds check_interval{250};
  std::chrono::milliseconds linger{10000}; ///< how long a fenced link stays to refuse late messages
  message_filter filter = {};
  /// Finds out whether the process has certainly ended and says so, from any thread; must not block. Called now and then while there is no
  /// connection. Null: the supervisor hears at once when it ends.
  std::function<void(std::function<void(bool ended)> say)> look_for_process = {};
};

/// Sends `welcome` to the executor, then passes messages on in both directions until it is dead. A shell around executor_session.
executor_link spawn_link(caf::actor_system& system, const link_setup& setup);

} // namespace salamander::actors
