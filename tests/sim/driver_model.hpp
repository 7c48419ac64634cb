// A driver's process: the scheduler, the supervisor of its executors, one session for each of them, and the program that runs jobs.
#pragma once

#include "job_checks.hpp"
#include "oracle.hpp"
#include "process_checks.hpp"
#include "world.hpp"

#include <salamander/scheduler/executor_supervisor.hpp>

#include <deque>

namespace salamander::sim {

/// Does what actors/scheduler_shell, executor_link, supervisor_actor and launcher do, with the same state machines.
class driver_model {
public:
  driver_model(world& around, world::process self, std::uint32_t generation);
  ~driver_model();

  void begin();
  /// The program is done: executors are asked to leave.
  void stop();

  // What happens.
  void receive(world::process from, const control& what);
  void process_ended(executor_id executor, const std::string& reason, const std::vector<std::uint64_t>& positions);
  void connection_lost(world::process executor);
  void replay_old_report(std::uint64_t salt);
  /// As when its worker leaves; or, if it may stay, when it is idle.
  void ask_to_leave(executor_id executor, bool may_stay);
  /// A job over a dataset that does not say what it is made from.
  void submit_broken_lineage();

  world::process self() const noexcept {
    return self_;
  }
  storage::block_store& store() noexcept {
    return store_;
  }

  // What there is.
  bool all_jobs_over() const; ///< and none is still to come
  bool no_job_runs() const;   ///< some may still come
  bool idle() const;
  bool stopping() const noexcept {
    return supervisor_.stopping();
  }
  std::uint32_t living_executors() const noexcept {
    return supervisor_.living();
  }
  /// Some executor could work: it is admitted, heard of, and its process runs.
  bool can_work();
  /// The program forgets all its data, as when the last handle of every dataset goes.
  void forget_everything();
  void check_after_event();
  void check_empty();
  void check_end() const {
    job_checks_.check_end();
  }
  bool all_confirmed() const;
  void check_cancelled_tasks();
  /// For a reader who wonders why nothing happens.
  std::string why_not_live();

private:
  using supervisor = scheduler::executor_supervisor;

  /// The driver's side of one executor.
  struct link {
    world::process process = 0;
    executor_session session;
    std::uint64_t next_order = 1;
    std::uint64_t next_report = 1;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::shared_ptr<const stage_order>> told; ///< by stage and attempt
  };
  /// Launched and not reported.
  struct attempt {
    executor_id executor;
    std::optional<time_point> cancelled_at;
  };
  struct arrived {
    std::shared_ptr<const byte_buffer> bytes;
    std::string file;
  };

  // Executors (driver_model.cpp).
  void oversee(const supervisor::event& what);
  void perform(const supervisor::action& what);
  void start(const supervisor::start_process& what);
  void kill(executor_id executor, const std::string& reason, duration grace);
  void admit(const supervisor::admit& what);
  void bury(const supervisor::bury& what);
  link* find(executor_id executor);
  void session_event(executor_id executor, executor_session::event what, world::process from);
  void perform(executor_id executor, world::process from, std::vector<executor_session::action> actions);
  void tick();
  void command(executor_id executor, decltype(order::what) what);
  void command_all(const decltype(order::what)& what);

  // Jobs (driver_jobs.cpp).
  void submit(std::size_t number);
  void release(const planned_release& what);
  bool still_used(const core::dependency& shuffle) const;
  void reported(executor_id executor, const report& what);
  void one_report(executor_id executor, const task_report& what);
  void fetch_result(executor_id executor, const task_report& what);
  void tell(scheduler::event what);
  void run();
  void perform(const scheduler::action& what);
  void launch(const scheduler::launch_tasks& what);
  /// The order with which the executor runs these tasks; sends it unless it has it.
  const stage_order& announce(const scheduler::launch_tasks& what, link& to);
  void deliver(const scheduler::deliver_result& what);
  void discard(const scheduler::discard_result& what);
  void finish(const scheduler::finish_job& what);
  void wake(time_point when);

  world& world_;
  world::process self_;
  std::uint32_t generation_;
  std::vector<dataset_ptr> graph_;
  storage::memory_manager memory_{0};
  storage::block_store store_{memory_};
  scheduler::driver_scheduler machine_;
  supervisor supervisor_;
  process_checks process_checks_;
  job_checks job_checks_;
  std::map<executor_id, link> links_;
  std::map<executor_id, link> fenced_;              ///< of executors that are buried
  std::map<executor_id, world::process> processes_; ///< started and not buried
  std::map<executor_id, std::vector<std::uint64_t>> last_positions_;
  std::map<task_id, attempt> attempts_;
  std::map<executor_id, std::uint32_t> outstanding_; ///< attempts by executor
  std::map<std::uint64_t, arrived> results_;
  std::map<std::uint64_t, std::shared_ptr<block_exchange::fetch>> result_fetches_;
  std::vector<scheduler::event> old_reports_;
  std::deque<scheduler::event> events_;
  bool running_ = false;
  std::optional<time_point> next_wake_;
  std::size_t submitted_ = 0;
  std::deque<planned_job> broken_jobs_;
  std::uint64_t next_incarnation_ = 1;
};

} // namespace salamander::sim
