// Starts the executors of a local-cluster master, admits them, buries them and starts others in their place: a shell around
// scheduler::executor_supervisor.
#pragma once

#include <salamander/actors/executor_link.hpp>
#include <salamander/actors/executor_spec.hpp>
#include <salamander/actors/launcher.hpp>
#include <salamander/scheduler/executor_supervisor.hpp>

namespace salamander::actors {

/// The end of starting: all executors are there, or the reason why they never will be. Threads: any.
class start_outcome {
public:
  void succeed();
  void fail(errc code, std::string text);
  /// Errors: what `fail` was called with; errc::no_executors when the time is over.
  void wait(std::chrono::milliseconds time, const std::function<std::string()>& describe);

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::optional<error> failure_;
};

struct supervisor_setup {
  std::uint32_t slots = 1;
  executor_spec spec;                               ///< of all executors; number and incarnation are filled in for each
  std::shared_ptr<std::atomic<std::uint16_t>> port; ///< set once the actor is published
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  scheduler_actor scheduler;
  std::shared_ptr<launcher> processes;
  std::shared_ptr<executor_board> executors;
  std::shared_ptr<start_outcome> started;
  std::shared_ptr<std::atomic<std::uint64_t>> refused_messages;
  scheduler::executor_monitor::limits silence;
  scheduler::restart_policy::limits restarts;
  message_filter filter = {}; ///< of all links
};

/// The first `restart_due` of a slot starts its first executor.
supervisor_actor spawn_supervisor(caf::actor_system& system, const supervisor_setup& setup);

} // namespace salamander::actors
