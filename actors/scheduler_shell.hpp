// The scheduler actor's state: what it remembers besides the state machine, and the one place where decisions take effect.
#pragma once

#include <salamander/actors/scheduler_actor.hpp>

#include <set>
#include <unordered_map>

namespace salamander::actors {

class scheduler_shell {
public:
  scheduler_shell(scheduler_actor::pointer self, scheduler_setup setup);

  void submit(submit_job& message);
  void cancel(cancel_job& message);
  void cancel_all(const cancel_all_jobs& message);
  void join(executor_ready& message);
  void lose(executor_gone& message);
  void silent(const executor_silent& message);
  void leaves(executor_leaves& message);
  void taken(const blocks_taken& message);
  void give_up(executors_given_up& message);
  void report(tasks_reported& message);
  void fetched(result_fetched& message);
  void beaten(const heartbeat& message);
  void unpersist(const unpersist_dataset& message);
  void dropped(const dataset_dropped& message);
  void reached(barrier_reached& message);
  void release(const release_shuffle& message);
  void forget(const forget_broadcast& message);
  void count(const count_cached& message);
  void woken(const wake& message);
  void look_at_load(const beat& message);
  /// A defect of the library: all jobs fail with its text, later ones with errc::context_stopped, and what runs is cancelled. Nothing
  /// waits for ever.
  void break_down(const std::string& what);
  void stop();

private:
  struct running_attempt {
    std::uint32_t executor = 0;
    std::uint32_t stage = 0;
    std::uint32_t partition = 0;
    bool careful = false;
  };
  struct executor_entry {
    executor_port port;
    peer_place blocks{};                     ///< port 0: on this machine only
    std::string host;                        ///< empty: this machine
    std::vector<task_order> outbox;          ///< launches of this round, sent as one message
    std::vector<core::armed_fault> faults{}; ///< that these shall suffer
  };
  struct stage_entry {
    std::uint32_t attempt = 0;
    std::shared_ptr<const core::byte_buffer> plan;
    bool plan_is_block = false;
    std::set<std::uint32_t> told;        ///< executors that have the order of this attempt
    std::vector<barrier_task_info> gang; ///< of a barrier stage: where its tasks run, by partition
  };
  /// Executors that have been told to drop something, and not said that they did.
  struct pending_drop {
    std::set<std::uint32_t> executors;
    std::shared_ptr<std::promise<void>> done;
    scheduler::time_point deadline{};
  };

  /// Hands events to the state machine and performs what it decides, until nothing is left to do; then sends.
  void feed(scheduler::event what);
  void queue(scheduler::event what);
  void run();
  void fail_all(errc code, const std::string& text);
  void cancel_on(executor_entry& executor, const std::vector<std::uint64_t>& tasks);
  void flush();
  void flush(std::uint32_t executor);
  void one_report(std::uint32_t executor, task_report&& report);
  /// Counts what was added for cached partitions, each the first time.
  void count_cached_ones(std::vector<cached_contribution>&& added);
  /// Remembers for another start of the driver what is counted while these jobs run.
  void note_counted(const std::vector<scheduler::job_id>& jobs, const counted_contribution& what);
  /// Jobs for which that fails fail.
  void merge(contributed_values&& values, const std::vector<scheduler::job_id>& jobs);
  void evictions(std::uint32_t executor, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& blocks);
  void finished_dropping(std::uint64_t token, std::uint32_t executor);
  void watch_dropping();
  /// Tells all executors what `order(token)` gives, and `done` when all have answered.
  template <class Order>
  void drop_everywhere(Order order, std::shared_ptr<std::promise<void>> done);

  // Tasks that wait for each other (scheduler_barriers.cpp).
  /// The attempt has ended, or was not sent.
  void leave_gang(std::uint64_t task, bool succeeded);
  void answer_gangs(std::vector<scheduler::barrier_coordinator::decision>&& decided);
  void answer(const std::vector<scheduler::task_id>& tasks, const barrier_answer& what);
  void watch_gangs();

  void perform(const scheduler::action& what);
  void perform_one(const scheduler::gang_launched& what);
  void perform_one(const scheduler::launch_tasks& what);
  void perform_one(const scheduler::cancel_tasks& what);
  void perform_one(const scheduler::count_contributions& what);
  void perform_one(const scheduler::contents_changed& what);
  void perform_one(const scheduler::deliver_result& what);
  void perform_one(const scheduler::withdraw_results& what);
  void perform_one(const scheduler::discard_result& what);
  void perform_one(const scheduler::drop_cached& what);
  void perform_one(const scheduler::kill_executor& what);
  void perform_one(const scheduler::finish_job& what);
  void perform_one(const scheduler::fail_job& what);
  void perform_one(const scheduler::forget_stage& what);
  void perform_one(const scheduler::wake_at& what);
  void perform_one(const scheduler::stage_started& what);
  void perform_one(const scheduler::stage_finished& what);
  void perform_one(const scheduler::notice& what);
  void perform_one(const scheduler::take_over& what);
  void perform_one(const scheduler::renew_inputs& what);
  void perform_one(const scheduler::release_executor& what);
  void perform_one(const scheduler::executor_stays& what);

  void announce(const scheduler::launch_tasks& what, executor_entry& executor);
  /// Tells all others where the newcomer serves its blocks, and it where they do.
  void introduce_peer(std::uint32_t executor);
  std::vector<std::uint32_t> peers_of(std::uint32_t executor) const;
  /// Tells where copies are, and go.
  void add_kept(const scheduler::launch_tasks& what, stage_order& order) const;
  std::shared_ptr<const core::byte_buffer> encode_plan(scheduler::stage_id stage) const;
  std::string describe(const stuck_task& position) const;
  std::string title_of(std::uint32_t dataset) const;

  scheduler_actor::pointer self_;
  scheduler_setup setup_;
  scheduler::driver_scheduler machine_;
  scheduler::barrier_coordinator barriers_;
  std::optional<scheduler::allocation> allocation_;
  std::deque<scheduler::event> events_;
  bool running_ = false;
  std::optional<std::string> broken_; ///< the defect that stopped everything

  std::unordered_map<std::uint32_t, std::shared_ptr<job_record>> jobs_;
  std::map<std::uint32_t, executor_entry> executors_;
  std::unordered_map<std::uint32_t, stage_entry> stages_;
  std::unordered_map<std::uint64_t, running_attempt> attempts_;
  std::unordered_map<std::uint64_t, core::block> results_;            ///< of reports whose event is being handled
  std::unordered_map<std::uint64_t, contributed_values> contributed_; ///< of the same
  std::unordered_map<std::uint32_t, error> merge_failures_;           ///< of running jobs
  std::unordered_map<std::uint32_t, std::string> kept_shuffles_;      ///< directories for copies of map outputs
  std::unordered_map<std::uint32_t, std::string> kept_datasets_;      ///< the same for cached datasets
  struct kept_job {
    std::string file;
    std::vector<counted_contribution> counted; ///< while it ran
  };
  std::unordered_map<std::uint32_t, kept_job> kept_jobs_; ///< of running jobs, those whose results are to be kept
  std::map<std::uint64_t, pending_drop> dropping_;
  std::uint64_t next_token_ = 1;
  std::optional<scheduler::time_point> next_wake_;
};

} // namespace salamander::actors
