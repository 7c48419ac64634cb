// The inside of driver_scheduler: its tables, and the functions that move them along. Include only from this folder's .cpp files.
#pragma once

#include <salamander/scheduler/contribution_ledger.hpp>
#include <salamander/scheduler/departure.hpp>
#include <salamander/scheduler/driver_scheduler.hpp>
#include <salamander/scheduler/exclusion.hpp>
#include <salamander/scheduler/executor_table.hpp>
#include <salamander/scheduler/pools.hpp>
#include <salamander/scheduler/stage_graph.hpp>

#include <salamander/rdd/error.hpp>

#include <functional>
#include <unordered_set>

namespace salamander::scheduler {

/// A job that has been submitted and is not over.
struct job {
  job_id id;
  std::vector<stage*> stages; ///< parents first, the result stage last
  std::vector<bool> delivered;
  std::size_t remaining = 0;
  std::uint64_t result_bytes = 0;
  std::string pool;
  bool repeatable = true;
  job_counts counts;
  std::unordered_set<stage_id, core::id_hash> ran;
  std::unordered_set<stage_id, core::id_hash> skipped;
};

/// An attempt that was sent and has not been answered.
struct running_attempt {
  task_id task;
  stage_id stage;
  std::uint32_t stage_attempt = 0;
  std::uint32_t index = 0;
  std::uint32_t number = 0;
  executor_id executor;
  bool cancelled = false; ///< holds its core; nobody wants what it brings
  time_point launched{};
  pool_table::pool* pool = nullptr; ///< that it counts for; null: first come first served
};

class driver_scheduler::impl {
public:
  explicit impl(scheduler_options options)
      : options_(std::move(options)), graph_(outputs_, cache_), application_exclusion_(options_.exclusion), pools_(options_.pools),
        next_task_(options_.first_task) {}

  std::vector<action> handle(const event& what, time_point now);

private:
  friend class driver_scheduler;

  // Jobs (jobs.cpp).
  void on(const job_submitted& e);
  void on(const job_cancelled& e);
  void on(const executors_exhausted& e);
  void finish(job& done);
  void fail(job_id id, job_failure why);
  void abort(stage& failed, const job_failure& why);
  void close(job& over, const std::string& why);
  void refuse(const job_submitted& e, errc code, std::string text);

  // Stages (stages.cpp).
  /// Sees to it that a stage which is wanted runs, or that its missing parents do.
  void ensure(stage& wanted);
  void start_attempt(stage& ready);
  std::vector<executor_id> executors_on(const std::vector<std::string>& hosts) const;
  /// Returns how many tasks the attempt has to see done.
  std::uint32_t queue_tasks(const stage& ready, task_set& tasks) const;
  void map_stage_complete(stage& done);
  void retire(stage& interrupted);
  void resubmit_later(stage& interrupted);
  void resubmit_after(stage& interrupted, duration wait);
  void resubmit_due();
  void requeue(stage& of, std::uint32_t index);
  bool failed_somewhere(const stage& s, std::uint32_t index) const;
  void map_output_lost(shuffle_id shuffle, std::uint32_t partition);
  /// An input may have vanished: a stage that would launch more tasks stops and is tried again when its parents are complete.
  void recheck_inputs(stage& reader);
  /// Of those that its current attempt was told of.
  bool has_lost_inputs(stage& reader);
  void cancel_attempts_of(const stage& of, const std::string& reason);

  // What was read before is not what is there now (rollback.cpp).
  /// Everything that was made from the stage's outputs is undone and made again. Jobs whose effects cannot be undone fail.
  void roll_back_consumers(stage_id changed, const std::string& why);
  void roll_back_due();
  void fail_if_done_for_good(const std::vector<stage*>& consumers, const std::string& why);
  std::vector<stage*> consumers_of(const stage& changed) const;
  void undo(stage& consumer, const std::string& why);
  /// Nothing that the stage has done is kept, and what it does is cancelled. Returns how many tasks had succeeded.
  std::uint32_t take_back(stage& s, const std::string& why);
  void drop_caches(const std::vector<stage*>& consumers, const std::set<shuffle_id>& changed);
  std::vector<rdd_id> cached_from(const stage& consumer, const std::set<shuffle_id>& changed) const;
  /// The shuffles from which a stage computes a cached dataset that is part of it.
  std::vector<shuffle_id> shuffles_behind(const stage& s, rdd_id dataset) const;
  void fence(const stage& consumer, const std::set<shuffle_id>& changed);
  /// Of an attempt that has ended. What it may have cached is dropped.
  bool was_fenced(task_id ended, executor_id executor);
  void contents_differ(stage& made_by, std::uint32_t partition);

  // Tasks (task_outcomes.cpp).
  void on(const task_succeeded& e);
  void on(const task_failed& e);
  std::optional<running_attempt> take_attempt(task_id task, executor_id executor);
  void note_cached(const task_succeeded& e, const stage* of);
  void count_success(const task_succeeded& e, const stage& of);
  void count_contributions_of(const task_succeeded& e, const stage& of, std::uint32_t index);
  void accept_result(const task_succeeded& e, stage& of, std::uint32_t index);
  bool accept_map_output(const task_succeeded& e, stage& of, std::uint32_t index);
  void attempt_ended_without_success(stage& of, const running_attempt& attempt);
  void user_failed(stage& of, const running_attempt& attempt, const user_error& why);
  duration wait_for_inputs(const stage& interrupted) const;
  void fetch_went_wrong(stage& of, const running_attempt& attempt, const fetch_failed& why);
  void remember(stage& of, const running_attempt& attempt, std::string reason);
  bool too_many_failures(const stage& of, std::uint32_t index) const;
  std::uint32_t failures_of(const stage& of, std::uint32_t index) const;
  job_failure failure_of(const stage& of, std::uint32_t index, errc code, const std::string& text) const;

  // Second attempts of slow tasks (speculation.cpp).
  void watch(stage& s);
  void unwatch(stage& s);
  void speculate();
  duration waited_for(const running_attempt& attempt) const;
  duration slow_after(task_set& tasks) const;
  void want_copy(task_id original, bool of_suspect);
  void copy_tasks_of_suspects(const std::function<bool(const running_attempt&)>& wanted);
  bool may_hold_copy(const executor& at, const running_attempt& original) const;
  bool launch_copy(stage& s, executor& at);
  void withdraw_wishes(executor_id recovered);
  void twin_succeeded(stage& of, const running_attempt& winner);
  bool twin_goes_on(stage& of, const running_attempt& ended);

  // Executors that had better not run something (avoidance.cpp).
  bool strict() const noexcept {
    return options_.exclusion.tasks_and_stages || options_.exclusion.application;
  }
  void count_against_executor(stage& of, const running_attempt& attempt);
  void count_fetch_failure_against(executor_id from);
  void stage_succeeded(stage& done);
  void apply(const std::vector<application_exclusion::exclusion>& made);
  void kill(executor& doomed, const std::string& reason);
  /// Whether no task of the stage may run there.
  bool is_excluded(const stage& s, const executor& at) const;
  bool may_run(const stage& s, std::uint32_t index, const executor& at) const;
  bool better_elsewhere(const stage::trouble& trouble, const executor& at) const;
  std::optional<std::uint32_t> take_chosen(stage& s, executor& at);
  std::vector<stage_id> queued_stages() const;
  void abort_unschedulable();
  void check_schedulable();
  void check_schedulable(stage& s);
  std::optional<std::uint32_t> task_without_executor(stage& s);
  void expire_exclusions();

  // Stages whose tasks run together (barrier.cpp).
  bool refused_barrier(job_id id);
  void begin(job& accepted);
  std::uint32_t slots_for(const stage& s) const;
  void check_gangs();
  void check_slots(stage& s);
  bool short_of_slots(const job& submitted) const;
  bool waits_for_slots(const stage& s) const;
  void restart_gangs_due();
  void restart(stage& gang, const std::string& why);
  enum class gang_turn : std::uint8_t { launched, waits, hopeless };
  gang_turn offer_gang(stage& s);
  void launch_gang(stage& s, const std::vector<executor*>& candidates);
  void forget_partial_caches(const stage& gang);

  // Executors and caches (executor_events.cpp).
  void on(const outputs_found& e);
  void on(const cached_found& e);
  void on(const executor_joined& e);
  void on(const executor_lost& e);
  void on(const executor_suspected& e);
  void on(const executor_recovered& e);
  void on(const block_dropped& e);
  void on(const dataset_unpersisted& e);
  void on(const shuffle_released& e);
  void on(const tick& e);
  /// Returns the stages that must not go on, with the reason.
  std::vector<std::pair<stage_id, job_failure>> attempts_lost(const executor_lost& e, std::uint32_t cores, bool own_doing,
                                                              const std::vector<std::pair<task_id, running_attempt>>& attempts);
  void inputs_shrank();

  // Executors that hand over what they hold (departures.cpp).
  void on(const executor_leaving& e);
  void on(const blocks_moved& e);
  void continue_departures();
  /// Has blocks of `id` moved as far as there is somebody to take them. True: nothing of it is left to be moved.
  bool move_blocks(executor_id id, departure& one);
  std::vector<departing_block> blocks_to_move(executor_id id) const;
  bool still_to_be_moved(executor_id from, const departing_block& block) const;
  void order_moves(executor_id id, departure& one);
  executor* receiver_of(executor_id from, const departing_block& block, bool& all_busy);
  /// True: it stays, and its departure is over.
  bool give_up_moving(executor_id id, departure& one);
  void renew_readers(departure& one);
  bool reads_what_moved(const stage& reader, const departure& one) const;
  bool read_at_old_places(const departure& one);
  void end_departure(executor_id lost);
  /// The reader was sent to an executor from which the output has moved.
  bool has_moved(const fetch_failed& why) const;

  // Placement (placement.cpp).
  void mark_ready(stage& s);
  void unmark_ready(stage& s);
  void place();
  void warn_of_starvation();
  void offer(executor& to);
  void offer_all();
  void offer_stage(stage& s, const std::vector<executor*>& candidates, task_set::choice choice);
  stage* next_in_queue(std::set<std::pair<job_id, stage_id>>::iterator& it);
  std::uint32_t room(const executor& at, const task_set& tasks) const;
  bool launch_one(stage& s, executor& at, task_set::choice choice);
  void launch_copies(stage& s, const std::vector<executor*>& candidates);
  task_id send(stage& s, executor& at, std::uint32_t index);
  void wait_for_locality(const stage& s);

  // Placement by shares (fair_placement.cpp).
  pool_table::pool& pool_of(const stage& s);
  stage* next_by_share(const std::unordered_set<stage_id, core::id_hash>& stuck);
  bool launch_somewhere(stage& s, std::vector<executor*>& candidates);
  void offer_by_share();

  void wake(time_point when);

  template <class F>
  void for_jobs(const stage& of, F&& f) {
    for (const auto id : of.jobs)
      f(jobs_.at(id));
  }
  template <class Action>
  void act(Action what) {
    out_.emplace_back(std::move(what));
  }
  void note(notice::level how, std::string text) {
    act(notice{how, std::move(text)});
  }

  scheduler_options options_;
  map_output_table outputs_;
  cache_table cache_;
  contribution_ledger counted_;
  executor_table executors_;
  stage_graph graph_;
  std::map<job_id, job> jobs_;
  std::unordered_map<task_id, running_attempt, core::id_hash> attempts_;
  application_exclusion application_exclusion_;
  pool_table pools_;
  std::set<stage_id> watched_; ///< stages with enough successes to know which of their tasks are slow
  std::optional<time_point> speculation_due_;
  std::vector<std::pair<stage_id, job_failure>> abort_due_;
  std::set<stage_id> roll_back_due_; ///< declared indeterminate, and to be run again
  std::set<shuffle_id> found_indeterminate_;
  task_id first_task_after_rollback_{};
  std::unordered_map<task_id, std::vector<rdd_id>, core::id_hash> fenced_; ///< attempts that may cache what is out of date
  std::set<stage_id> gangs_;                                               ///< barrier stages there are
  std::set<job_id> held_;                                                  ///< jobs that have not begun, for want of cores for such a stage
  std::map<stage_id, std::string> gang_restarts_;                          ///< such stages of which a task did not succeed, with the reason
  std::map<executor_id, departure> departures_;
  std::map<std::uint64_t, block_move> moves_; ///< that are on their way
  std::set<executor_id> departed_;            ///< that were asked to leave
  std::uint64_t next_move_ = 1;
  std::uint64_t next_task_;
  std::optional<std::string> exhausted_;

  // Of the event being handled.
  time_point now_{};
  std::vector<action> out_;
  std::vector<std::unique_ptr<stage>> graveyard_; ///< lineage dies after the decisions are made, not among them
  std::vector<launch_tasks> launches_;
  std::vector<executor_id> freed_;
  bool offer_all_ = false;

  std::set<std::pair<job_id, stage_id>> queue_; ///< stages with tasks to launch, first come first served
  std::set<stage_id> resubmissions_;
  std::optional<time_point> wake_;
  std::optional<time_point> starving_since_;
  std::uint64_t round_ = 0;
};

} // namespace salamander::scheduler
