// The actor around scheduler::driver_scheduler: turns messages into events and decisions into messages, plans and results.
#pragma once

#include <salamander/actors/fault_director.hpp>
#include <salamander/actors/interfaces.hpp>
#include <salamander/actors/progress.hpp>
#include <salamander/scheduler/allocation.hpp>
#include <salamander/scheduler/barrier_coordinator.hpp>
#include <salamander/scheduler/driver_scheduler.hpp>

namespace salamander::actors {

/// Fetches results that executors kept, on threads of its own: an actor never blocks.
class result_fetcher {
public:
  virtual ~result_fetcher() = default;
  /// `then` gets the completed report on another thread: a success with bytes, or a user_error of class errc::executor_lost.
  virtual void fetch(std::uint32_t executor, task_report report, std::function<void(task_report)> then) = 0;
};

struct scheduler_setup {
  scheduler::scheduler_options limits;
  scheduler::barrier_limits barriers;
  std::shared_ptr<progress_board> progress;
  std::shared_ptr<executor_board> executors;
  /// Keeps plans that are too large for a message; null in local mode, where plans are passed by pointer.
  std::shared_ptr<executor_runtime> driver_blocks;
  std::shared_ptr<result_fetcher> fetcher; ///< null in local mode
  std::function<void(scheduler::notice::level, const std::string&)> log;
  std::shared_ptr<fault_director> faults{}; ///< null unless faults are injected
  /// Writes down what a job has brought, then calls the function; null where nothing is kept.
  std::function<void(std::string file, std::vector<core::block> results, std::vector<counted_contribution> counted,
                     std::function<void()> then)>
      keep_results{};
  std::function<void()> contents_changed{}; ///< what is kept is out of date; null the same
  /// Ends an executor's process; null where executors are no processes.
  std::function<void(std::uint32_t executor, const std::string& reason)> kill{};
  /// Ends an executor's process that has handed over what it held; null as `kill`.
  std::function<void(std::uint32_t executor, const std::string& reason)> release{};
  /// Without value: the number of executors is not the driver's concern.
  std::optional<scheduler::allocation_options> allocation{};
  std::function<void(std::uint32_t executors)> want_executors{}; ///< with `allocation`
};

/// How long executors may take to say that they dropped a dataset; the caller of a blocking unpersist waits no longer.
inline constexpr std::chrono::seconds unpersist_wait_max{8};

/// Plans up to this size travel within run_stage.
inline constexpr std::size_t plan_bytes_in_message_max = 64U << 10;

struct scheduler_state;
scheduler_actor::behavior_type run_scheduler(scheduler_actor::stateful_pointer<scheduler_state> self, const scheduler_setup& setup);
/// Spawns the actor; the state's type stays in its own file.
scheduler_actor spawn_scheduler(caf::actor_system& system, const scheduler_setup& setup);

} // namespace salamander::actors
