// Checks of what the scheduler decides about jobs: results, attempts, inputs, failures. Follows every event and every decision.
#pragma once

#include "minimality.hpp"
#include "oracle.hpp"
#include "world.hpp"

#include <map>
#include <set>

namespace salamander::sim {

/// Of one driver. Invariants S1, S2, S4, S5, S6, S10, S11.
class job_checks {
public:
  job_checks(world& around, const scheduler::driver_scheduler& machine) : world_(around), machine_(machine) {}

  struct job {
    const planned_job* plan = nullptr;
    std::shared_ptr<const dataset> final;
    std::vector<std::optional<records>> results;
    std::vector<std::string> files;
    std::string path;
    bool over = false;
    bool cancelled = false;
    bool broken = false; ///< its lineage makes no sense
  };

  job& submitted(job_id id, const planned_job& plan, std::shared_ptr<const dataset> final);
  job* find(job_id id);
  const std::map<job_id, job>& jobs() const noexcept {
    return jobs_;
  }

  // Before an event goes to the scheduler, and after, with what it decided.
  void before(const scheduler::event& what);
  void after(const scheduler::event& what, const std::vector<scheduler::action>& decided);

  void executor_known(executor_id executor) {
    alive_.insert(executor);
  }
  /// Where the inputs of a stage are, as an executor is told for the first time.
  void announced(const stage_order& what) const;
  void check_end() const {
    losses_.check_end(succeeded_ == jobs_.size());
  }
  /// The inputs with which an executor runs tasks of a stage.
  void launched(const scheduler::launch_tasks& what, const stage_order& as_sent);
  void result_arrived(job& of, std::uint32_t index, const records& what, const std::string& file);
  void withdrawn(const scheduler::withdraw_results& what);
  void finished(job_id id);
  void failed(const scheduler::fail_job& what);

private:
  struct running_task {
    stage_id stage;
    std::uint32_t stage_attempt = 0;
    std::uint32_t partition = 0;
    executor_id executor;
    bool cancelled = false;
    loss_accounting::place place;
  };
  struct failures {
    std::map<executor_id, std::uint32_t> on;
    std::uint32_t thrown = 0;
    std::uint32_t out_of_memory = 0;
    std::uint32_t executors = 0;
    std::set<std::uint8_t> codes;
  };

  void check_inputs(const core::lineage& of, std::uint32_t partition, const stage_order& as_sent,
                    std::set<std::pair<core::rdd_id, std::uint32_t>>& seen) const;
  void succeeded(task_id id, const std::vector<scheduler::action>& decided);
  void count_failure(task_id id, const scheduler::failure& why);
  void fetch_failed(const running_task& by, const scheduler::fetch_failed& why);
  void account_for(executor_id lost);
  void moved(const scheduler::blocks_moved& what, const std::vector<scheduler::action>& decided);
  void executor_gone(const scheduler::executor_lost& lost);
  void decision(const scheduler::action& what);
  void launch(const scheduler::launch_tasks& where, const scheduler::task_launch& what);
  /// S11: all tasks of a barrier stage are sent together, each to a free core, or none is.
  void check_gangs(const std::vector<scheduler::action>& decided) const;
  void check_files(const job& of);
  std::string why_dishonest(const job& which, const scheduler::fail_job& what) const;

  world& world_;
  const scheduler::driver_scheduler& machine_;
  oracle right_;
  std::map<job_id, job> jobs_;
  std::set<executor_id> alive_; ///< as the scheduler was told
  std::set<executor_id> suspects_;
  std::set<executor_id> leaving_;
  std::map<std::uint64_t, std::pair<loss_accounting::place, executor_id>> moves_; ///< map outputs on their way, and from where
  std::map<task_id, running_task> running_;
  std::map<loss_accounting::place, executor_id> outputs_;                   ///< registered, as far as can be seen from outside
  std::set<std::tuple<shuffle_id, std::uint32_t, executor_id>> unreadable_; ///< and not made again since
  std::set<loss_accounting::place> outputs_counted_;                        ///< whose contributions to accumulators count
  std::set<std::pair<job_id, std::uint32_t>> results_counted_;
  std::map<stage_id, std::uint32_t> latest_; ///< attempt of each stage
  loss_accounting losses_;
  std::map<std::tuple<stage_id, std::uint32_t, std::uint32_t>, failures> failures_; ///< by stage, attempt and partition
  std::map<stage_id, std::map<std::uint32_t, failures>> by_stage_;                  ///< by partition, over all attempts
  std::map<stage_id, std::uint32_t> fetch_failures_;
  std::map<stage_id, std::uint32_t> gangs_; ///< attempts of barrier stages
  std::size_t succeeded_ = 0;               ///< jobs
  bool exhausted_ = false;
  bool expected_ = true;          ///< the event being handled is of an attempt that runs
  std::uint64_t last_task_ = 0;   ///< the newest name before the event being handled
  std::uint64_t newest_task_ = 0; ///< and now
};

} // namespace salamander::sim
