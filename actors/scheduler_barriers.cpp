#include <salamander/actors/scheduler_shell.hpp>

namespace salamander::actors {

namespace sched = scheduler;

static_assert(sched::barrier_limits{}.gathered_bytes_max == barrier_task::gathered_bytes_max);

// The first executor of the attempt that is told of the stage is told of all its tasks.
void scheduler_shell::perform_one(const sched::gang_launched& what) {
  std::vector<sched::task_id> tasks;
  auto& stage = stages_[what.stage.value];
  stage = {what.stage_attempt, nullptr, false, {}, {}};
  for (const auto& [task, executor] : what.tasks) {
    tasks.push_back(task);
    const auto at = executors_.find(executor.value);
    const bool known = at != executors_.end() && !at->second.host.empty();
    stage.gang.push_back({known ? at->second.host : "localhost", executor.value});
  }
  barriers_.launched(what.stage, what.stage_attempt, tasks);
}

void scheduler_shell::reached(barrier_reached& message) {
  auto& arrival = message.arrival;
  if (!executors_.contains(message.executor))
    return;
  const auto how = arrival.gathers ? sched::barrier_call::all_gather : sched::barrier_call::barrier;
  answer_gangs(barriers_.reached({arrival.task}, arrival.epoch, how, std::move(arrival.text), now(self_)));
}

void scheduler_shell::leave_gang(std::uint64_t task, bool succeeded) {
  if (barriers_.gangs() != 0)
    answer_gangs(barriers_.ended({task}, succeeded));
}

void scheduler_shell::answer_gangs(std::vector<sched::barrier_coordinator::decision>&& decided) {
  for (auto& one : decided) {
    if (auto* passed = std::get_if<sched::barrier_coordinator::pass>(&one))
      answer(passed->tasks, {{}, passed->epoch, std::move(passed->gathered), {}});
    else if (auto* failed = std::get_if<sched::barrier_coordinator::give_up>(&one))
      answer(failed->tasks, {{}, failed->epoch, {}, std::move(failed->why)});
  }
  watch_gangs();
}

/// One message to each executor, however many of the tasks it runs.
void scheduler_shell::answer(const std::vector<sched::task_id>& tasks, const barrier_answer& what) {
  std::map<std::uint32_t, barrier_answer> by_executor;
  for (const auto task : tasks)
    if (const auto attempt = attempts_.find(task.value); attempt != attempts_.end())
      by_executor.try_emplace(attempt->second.executor, what).first->second.tasks.push_back(task.value);
  for (auto& [id, one] : by_executor)
    if (const auto at = executors_.find(id); at != executors_.end())
      tell(self_, at->second.port, barrier_passed{std::move(one)});
}

void scheduler_shell::watch_gangs() {
  const auto due = barriers_.next_timeout();
  if (due && *due <= now(self_))
    answer_gangs(barriers_.timed_out(now(self_)));
  else if (due)
    perform_one(sched::wake_at{*due});
}

} // namespace salamander::actors
