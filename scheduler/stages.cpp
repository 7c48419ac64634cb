#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <algorithm>

namespace salamander::scheduler {

// Every stage is looked at once in a round: graphs where each stage has several ways to the same ancestor stay linear.
void driver_scheduler::impl::ensure(stage& wanted) {
  const auto round = ++round_;
  std::vector<stage*> stack{&wanted};
  while (!stack.empty()) {
    auto& at = *stack.back();
    stack.pop_back();
    if (at.visited == round)
      continue;
    at.visited = round;
    if (at.phase == stage::phase_kind::running)
      continue;
    if (at.is_map() && outputs_.complete(at.shuffle)) {
      at.phase = stage::phase_kind::idle;
      continue;
    }
    at.phase = stage::phase_kind::waiting;
    if (at.resubmit_at)
      continue;
    const auto missing = graph_.missing_parents(at);
    if (missing.empty() && at.indeterminate && at.is_map() && outputs_.was_read(at.shuffle) &&
        !core::planted(core::defect::indeterminate_in_part))
      roll_back_due_.insert(at.id);
    else if (missing.empty())
      start_attempt(at);
    else
      stack.insert(stack.end(), missing.rbegin(), missing.rend());
  }
}

void driver_scheduler::impl::start_attempt(stage& ready) {
  if (ready.barrier && ready.is_map()) {
    const auto lost = static_cast<std::uint32_t>(outputs_.remove_all(ready.shuffle)); // its tasks run again together
    for_jobs(ready, [&](job& user) { user.counts.tasks_resubmitted += lost; });
  }
  if (ready.barrier)
    forget_partial_caches(ready);
  auto made = std::make_unique<task_set>(ready.attempts, ready.size(), now_);
  auto& tasks = *made;
  std::uint32_t open = 0;
  try {
    open = queue_tasks(ready, tasks);
  } catch (const std::exception& problem) {
    SALAMANDER_PROBE("stage without preferences given up");
    ready.phase = stage::phase_kind::waiting;
    const auto text = "it could not be found out where tasks of " + ready.title(ready.attempts) + " had better run: " + problem.what();
    abort_due_.emplace_back(ready.id, job_failure{static_cast<std::uint8_t>(errc::internal), text, {}});
    return;
  }
  ready.current = std::move(made);
  ++ready.attempts;
  ready.phase = stage::phase_kind::running;
  ready.hidden = graph_.hidden_parents(ready);
  ready.inputs_changed = false;
  ready.exclusions.reset();
  ready.forget_that_it_was_unschedulable();
  for (const auto* parent : ready.parents)
    outputs_.mark_read(parent->shuffle);
  const auto& slow = options_.speculation;
  if (slow.enabled && open >= slow.tasks_min && !ready.barrier)
    tasks.look_for_slow_ones_after(std::max<std::uint64_t>(1, static_cast<std::uint64_t>(slow.quantile * open)));
  for_jobs(ready, [&](job& user) {
    if (!user.ran.insert(ready.id).second) {
      ++user.counts.stage_retries;
      return;
    }
    ++user.counts.stages_run;
    user.skipped.erase(ready.id);
  });
  act(stage_started{ready.id, tasks.attempt(), ready.dataset->title(), open, ready.size()});
  if (tasks.pending() > 0)
    mark_ready(ready);
  if (tasks.elsewhere() > 0)
    copy_tasks_of_suspects([&](const running_attempt& attempt) { return attempt.stage == ready.id; });
}

std::vector<executor_id> driver_scheduler::impl::executors_on(const std::vector<std::string>& hosts) const {
  std::vector<executor_id> found;
  for (const auto& [id, one] : executors_.all())
    if (!one.host.empty() && std::ranges::find(hosts, one.host) != hosts.end())
      found.push_back(id);
  return found;
}

std::uint32_t driver_scheduler::impl::queue_tasks(const stage& ready, task_set& tasks) const {
  for (const auto& zombie : ready.zombies)
    for (const auto index : zombie->running_indices())
      if (!core::planted(core::defect::old_attempt_runs_twice))
        tasks.expect_elsewhere(index);
  const auto* owner = ready.is_map() ? nullptr : &jobs_.at(ready.owner);
  const block_finder blocks(*ready.dataset, cache_, !ready.cached.empty());
  const bool placed = core::has_places(*ready.dataset);
  std::uint32_t open = 0;
  for (std::uint32_t index = 0; index < ready.size(); ++index) {
    if (owner ? owner->delivered[index] : outputs_.has(ready.shuffle, index))
      continue;
    ++open;
    if (tasks.status_of(index) == task_set::status::elsewhere)
      continue;
    if (failed_somewhere(ready, index))
      tasks.choose_for(index);
    else {
      auto near = blocks.holders(ready.partition_of(index));
      if (near.empty() && placed)
        near = executors_on(core::preferred_hosts(*ready.dataset, ready.partition_of(index)));
      if (!departures_.empty())
        std::erase_if(near, [&](auto id) { return departures_.contains(id); }); // nobody waits for one that takes no tasks
      tasks.want(index, std::move(near));
    }
  }
  return open;
}

bool driver_scheduler::impl::failed_somewhere(const stage& s, std::uint32_t index) const {
  const auto trouble = s.troubles.empty() ? s.troubles.end() : s.troubles.find(index);
  return trouble != s.troubles.end() && !trouble->second.failed_on.empty();
}

void driver_scheduler::impl::map_stage_complete(stage& done) {
  if (done.phase == stage::phase_kind::running)
    act(stage_finished{done.id, done.attempts - 1, false});
  unmark_ready(done);
  unwatch(done);
  stage_succeeded(done);
  if ((done.current && done.current->running() > 0) || !done.zombies.empty())
    cancel_attempts_of(done, "another attempt succeeded");
  done.current.reset();
  done.zombies.clear();
  done.copies = {};
  done.phase = stage::phase_kind::idle;
  done.resubmit_at.reset();
  resubmissions_.erase(done.id);
  done.fetch_failures.clear();
  done.gangs_failed = 0;
  done.troubles.clear();
  done.failures_noticed = 0;
  done.executors_given_up = 0;
  for (auto* child : done.children)
    if (child->phase == stage::phase_kind::waiting)
      ensure(*child);
}

void driver_scheduler::impl::retire(stage& interrupted) {
  unmark_ready(interrupted);
  unwatch(interrupted);
  act(stage_finished{interrupted.id, interrupted.attempts - 1, true});
  interrupted.retire_current();
  interrupted.phase = stage::phase_kind::waiting;
}

void driver_scheduler::impl::resubmit_later(stage& interrupted) {
  resubmit_after(interrupted, options_.resubmit_delay);
}

void driver_scheduler::impl::resubmit_after(stage& interrupted, duration wait) {
  interrupted.phase = stage::phase_kind::waiting;
  if (!interrupted.resubmit_at)
    interrupted.resubmit_at = now_ + wait;
  resubmissions_.insert(interrupted.id);
}

void driver_scheduler::impl::resubmit_due() {
  if (resubmissions_.empty())
    return;
  const auto waiting = resubmissions_;
  for (const auto id : waiting) {
    auto* s = graph_.find(id);
    if (s && s->resubmit_at && *s->resubmit_at > now_) {
      wake(*s->resubmit_at);
      continue;
    }
    resubmissions_.erase(id);
    if (s) {
      s->resubmit_at.reset();
      ensure(*s);
    }
  }
}

void driver_scheduler::impl::requeue(stage& of, std::uint32_t index) {
  if (of.barrier) {
    gang_restarts_.try_emplace(of.id, "task " + std::to_string(of.partition_of(index)) + " has to run again");
    return;
  }
  if (failed_somewhere(of, index))
    of.current->choose_for(index);
  else
    of.current->again(index);
  if (of.inputs_changed) {
    SALAMANDER_PROBE("task to be run again finds its inputs lost");
    retire(of);
    resubmit_later(of);
  } else {
    mark_ready(of);
  }
}

void driver_scheduler::impl::map_output_lost(shuffle_id shuffle, std::uint32_t partition) {
  auto* made_by = graph_.of_shuffle(shuffle);
  if (!made_by || !made_by->current || made_by->current->status_of(partition) != task_set::status::done)
    return;
  for_jobs(*made_by, [](job& user) { ++user.counts.tasks_resubmitted; });
  requeue(*made_by, partition);
}

// A stage whose tasks are all running lets them be: they may have read all they need. Should one have to run again, it is a new
// attempt of the stage, which is told the new places of its inputs. So it is if the inputs have become complete in another way since:
// executors go by what they were told.
void driver_scheduler::impl::recheck_inputs(stage& reader) {
  if (reader.phase != stage::phase_kind::running || !has_lost_inputs(reader) || core::planted(core::defect::changed_inputs_overlooked))
    return;
  if (reader.current->pending() == 0) {
    SALAMANDER_PROBE("stage that has lost inputs runs on");
    reader.inputs_changed = true;
    return;
  }
  retire(reader);
  resubmit_later(reader);
}

bool driver_scheduler::impl::has_lost_inputs(stage& reader) {
  auto& hidden = reader.hidden;
  if (!hidden.empty()) {
    const auto still = graph_.hidden_parents(reader);
    std::erase_if(hidden, [&](const auto* parent) { return std::find(still.begin(), still.end(), parent) == still.end(); });
  }
  return std::any_of(reader.parents.begin(), reader.parents.end(), [&](const auto* parent) {
    return !outputs_.complete(parent->shuffle) && std::find(hidden.begin(), hidden.end(), parent) == hidden.end();
  });
}

void driver_scheduler::impl::cancel_attempts_of(const stage& of, const std::string& reason) {
  std::map<executor_id, std::vector<task_id>> by_executor;
  for (auto& [task, attempt] : attempts_)
    if (attempt.stage == of.id && !attempt.cancelled) {
      attempt.cancelled = true;
      by_executor[attempt.executor].push_back(task);
    }
  for (auto& [executor, tasks] : by_executor) {
    std::sort(tasks.begin(), tasks.end());
    act(cancel_tasks{executor, std::move(tasks), reason});
  }
}

} // namespace salamander::scheduler
