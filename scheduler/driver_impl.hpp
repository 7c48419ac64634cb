// The inside of driver_scheduler: its tables, and the functions that move them along. Include only from this folder's .cpp files.
#pragma once

#include <salamander/scheduler/driver_scheduler.hpp>
#include <salamander/scheduler/executor_table.hpp>
#include <salamander/scheduler/stage_graph.hpp>

#include <salamander/rdd/error.hpp>

#include <unordered_set>

namespace salamander::scheduler {

/// A job that has been submitted and is not over.
struct job {
  job_id id;
  std::vector<stage*> stages; ///< parents first, the result stage last
  std::vector<bool> delivered;
  std::size_t remaining = 0;
  std::uint64_t result_bytes = 0;
  job_counts counts;
  std::unordered_set<stage_id, core::id_hash> ran;
  std::unordered_set<stage_id, core::id_hash> skipped;
};

/// An attempt that was sent and has not been answered.
struct running_attempt {
  stage_id stage;
  std::uint32_t stage_attempt = 0;
  std::uint32_t index = 0;
  std::uint32_t number = 0;
  executor_id executor;
  bool cancelled = false; ///< holds its core; nobody wants what it brings
};

class driver_scheduler::impl {
public:
  explicit impl(scheduler_options options) : options_(options), graph_(outputs_, cache_) {}

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
  void map_stage_complete(stage& done);
  void retire(stage& interrupted);
  void resubmit_later(stage& interrupted);
  void resubmit_due();
  void requeue(stage& of, std::uint32_t index);
  void map_output_lost(shuffle_id shuffle, std::uint32_t partition);
  /// An input may have vanished: a stage that would launch more tasks stops and is tried again when its parents are complete.
  void recheck_inputs(stage& reader);
  void cancel_attempts_of(const stage& of, const std::string& reason);

  // Tasks (task_outcomes.cpp).
  void on(const task_succeeded& e);
  void on(const task_failed& e);
  std::optional<running_attempt> take_attempt(task_id task, executor_id executor);
  void count_success(const task_succeeded& e, const stage& of);
  void accept_result(const task_succeeded& e, stage& of, std::uint32_t index);
  bool accept_map_output(const task_succeeded& e, stage& of, std::uint32_t index);
  void attempt_ended_without_success(stage& of, const running_attempt& attempt);
  void user_failed(stage& of, const running_attempt& attempt, const user_error& why);
  void fetch_went_wrong(stage& of, const running_attempt& attempt, const fetch_failed& why);
  void remember(stage& of, const running_attempt& attempt, std::string reason);
  bool too_many_failures(const stage& of, std::uint32_t index) const;
  std::uint32_t failures_of(const stage& of, std::uint32_t index) const;
  job_failure failure_of(const stage& of, std::uint32_t index, errc code, const std::string& text) const;

  // Executors and caches (executor_events.cpp).
  void on(const executor_joined& e);
  void on(const executor_lost& e);
  void on(const executor_suspected& e);
  void on(const executor_recovered& e);
  void on(const block_dropped& e);
  void on(const dataset_unpersisted& e);
  void on(const shuffle_released& e);
  void on(const tick& e);
  /// Returns the stages that must not go on, with the reason.
  std::vector<std::pair<stage_id, job_failure>> attempts_lost(const executor_lost& e, std::uint32_t cores,
                                                              const std::vector<std::pair<task_id, running_attempt>>& attempts);
  void inputs_shrank();

  // Placement (placement.cpp).
  void mark_ready(stage& s);
  void unmark_ready(stage& s);
  void place();
  void offer(executor& to);
  void offer_all();
  void offer_stage(stage& s, const std::vector<executor*>& candidates, task_set::choice choice);
  stage* next_in_queue(std::set<std::pair<job_id, stage_id>>::iterator& it);
  std::uint32_t room(const executor& at, const task_set& tasks) const;
  bool launch_one(stage& s, executor& at, task_set::choice choice);
  void wait_for_locality(const stage& s);
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
  executor_table executors_;
  stage_graph graph_;
  std::map<job_id, job> jobs_;
  std::unordered_map<task_id, running_attempt, core::id_hash> attempts_;
  std::uint64_t next_task_ = 1;
  std::optional<std::string> exhausted_;

  // Of the event being handled.
  time_point now_{};
  std::vector<action> out_;
  std::vector<std::unique_ptr<stage>> graveyard_; ///< lineage dies after the decisions are made, not among them
  std::vector<launch_tasks> launches_;
  std::map<std::pair<executor_id, stage_id>, std::size_t> launch_of_;
  std::vector<executor_id> freed_;
  bool offer_all_ = false;

  std::set<std::pair<job_id, stage_id>> queue_; ///< stages with tasks to launch, first come first served
  std::set<stage_id> resubmissions_;
  std::optional<time_point> wake_;
  std::uint64_t round_ = 0;
};

} // namespace salamander::scheduler
