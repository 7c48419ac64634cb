#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>

#include <algorithm>

namespace salamander::scheduler {

std::chrono::microseconds run_times::median() {
  if (times_.size() == looked_at_ || times_.size() < looked_at_ + looked_at_ / 10)
    return median_;
  looked_at_ = times_.size();
  const auto middle = times_.begin() + static_cast<std::ptrdiff_t>(times_.size() / 2);
  std::nth_element(times_.begin(), middle, times_.end());
  median_ = *middle;
  return median_;
}

bool stage_copies::has(std::uint32_t index) const {
  return running.contains(index) || std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return w.index == index; });
}

// Called for every success, and costs one comparison until enough tasks have succeeded.
void driver_scheduler::impl::watch(stage& s) {
  if (s.watched || executors_.all().size() < 2 || s.current->running() + s.current->elsewhere() == 0)
    return;
  s.watched = true;
  watched_.insert(s.id);
  if (!speculation_due_)
    speculation_due_ = now_ + options_.speculation.interval;
}

void driver_scheduler::impl::unwatch(stage& s) {
  if (!s.watched)
    return;
  s.watched = false;
  watched_.erase(s.id);
}

// An attempt that was sent ahead of a free core has not run since it was sent. But it cannot have waited for longer than the
// executor's queue stood still: then either it runs, or it is stuck behind those that do, and a copy helps as well.
duration driver_scheduler::impl::waited_for(const running_attempt& attempt) const {
  const auto* at = executors_.find(attempt.executor);
  return now_ - std::max(attempt.launched, at->queue_moved);
}

void driver_scheduler::impl::speculate() {
  if (!speculation_due_)
    return;
  if (*speculation_due_ > now_) {
    wake(*speculation_due_);
    return;
  }
  speculation_due_.reset();
  std::unordered_map<stage_id, duration, core::id_hash> thresholds;
  for (auto it = watched_.begin(); it != watched_.end();) {
    auto& s = *graph_.find(*it++);
    if (!s.current || s.current->running() + s.current->elsewhere() == 0)
      unwatch(s);
    else
      thresholds.emplace(s.id, slow_after(*s.current));
  }
  if (thresholds.empty())
    return;
  std::vector<task_id> slow;
  for (const auto& [task, attempt] : attempts_)
    if (const auto threshold = thresholds.find(attempt.stage); !attempt.cancelled && threshold != thresholds.end())
      if (waited_for(attempt) > threshold->second)
        slow.push_back(task);
  std::sort(slow.begin(), slow.end());
  for (const auto task : slow)
    want_copy(task, false);
  speculation_due_ = now_ + options_.speculation.interval;
  wake(*speculation_due_);
}

duration driver_scheduler::impl::slow_after(task_set& tasks) const {
  const auto median = static_cast<double>(tasks.median_run_time().count());
  const auto scaled = std::chrono::microseconds(static_cast<std::int64_t>(median * options_.speculation.multiplier));
  return std::max<duration>(scaled, options_.speculation.task_run_time_min);
}

// A task whose effects nobody can take back is not begun a second time for speed only.
void driver_scheduler::impl::want_copy(task_id original, bool of_suspect) {
  const auto& attempt = attempts_.at(original);
  auto* s = attempt.cancelled ? nullptr : graph_.find(attempt.stage);
  if (!s || !s->current || s->phase != stage::phase_kind::running || s->inputs_changed || s->barrier || s->copies.has(attempt.index))
    return;
  if (!s->is_map() && !jobs_.at(s->owner).repeatable)
    return;
  s->copies.wanted.push_back({attempt.index, original, of_suspect});
  mark_ready(*s);
}

void driver_scheduler::impl::copy_tasks_of_suspects(const std::function<bool(const running_attempt&)>& wanted) {
  if (!options_.speculation.enabled)
    return;
  std::vector<task_id> found;
  for (const auto& [task, attempt] : attempts_)
    if (!attempt.cancelled && executors_.find(attempt.executor)->suspect && wanted(attempt))
      found.push_back(task);
  std::sort(found.begin(), found.end());
  for (const auto task : found)
    want_copy(task, true);
}

// Not where the original runs; nor on its node, as long as there is another node.
bool driver_scheduler::impl::may_hold_copy(const executor& at, const running_attempt& original) const {
  if (at.id == original.executor && !core::planted(core::defect::copy_on_same_executor))
    return false;
  const auto* other = executors_.find(original.executor);
  if (at.host.empty() || other->host.empty() || at.host != other->host)
    return true;
  const auto& all = executors_.all();
  return std::none_of(all.begin(), all.end(), [&](const auto& entry) {
    return !entry.second.host.empty() && entry.second.host != other->host && entry.second.takes_tasks();
  });
}

bool driver_scheduler::impl::launch_copy(stage& s, executor& at) {
  if (s.inputs_changed) {
    s.copies.wanted.clear();
    return false;
  }
  auto& wanted = s.copies.wanted;
  for (auto it = wanted.begin(); it != wanted.end();) {
    const auto original = attempts_.find(it->original);
    if (original == attempts_.end() || original->second.cancelled || s.copies.running.contains(it->index)) {
      it = wanted.erase(it);
      continue;
    }
    if (!may_hold_copy(at, original->second) || !may_run(s, it->index, at)) {
      ++it;
      continue;
    }
    const auto wish = *it;
    wanted.erase(it);
    s.current->start(wish.index, at.id);
    const auto copy = send(s, at, wish.index);
    s.copies.running.emplace(wish.index, stage_copies::twins{wish.original, copy});
    for_jobs(s, [](job& user) { ++user.counts.speculative_launched; });
    SALAMANDER_PROBE("speculative copy launched");
    if (wish.of_suspect)
      SALAMANDER_PROBE("task of a suspected executor copied");
    return true;
  }
  return false;
}

// The copies of executors that speak again are not needed any more, unless they have begun.
void driver_scheduler::impl::withdraw_wishes(executor_id recovered) {
  for (const auto& [id, s] : graph_.all())
    std::erase_if(s->copies.wanted, [&](const auto& wish) {
      const auto original = attempts_.find(wish.original);
      return wish.of_suspect && original != attempts_.end() && original->second.executor == recovered;
    });
}

// The other attempt is cancelled; it holds its core until it ends, and what it brings is refused.
void driver_scheduler::impl::twin_succeeded(stage& of, const running_attempt& winner) {
  const auto pair = of.copies.running.find(winner.index);
  if (pair == of.copies.running.end() || core::planted(core::defect::loser_not_cancelled))
    return;
  const auto loser_id = pair->second.other(winner.task);
  const bool copy_won = pair->second.copy == winner.task;
  of.copies.running.erase(pair);
  auto& loser = attempts_.at(loser_id);
  loser.cancelled = true;
  auto& tasks = *of.set_of(loser.stage_attempt);
  tasks.ended(loser.executor);
  tasks.finish(loser.index);
  act(cancel_tasks{loser.executor, {loser_id}, "another attempt succeeded"});
  if (copy_won) {
    for_jobs(of, [](job& user) { ++user.counts.speculative_won; });
    SALAMANDER_PROBE("speculative copy won");
  } else {
    SALAMANDER_PROBE("speculative copy lost");
  }
}

// Returns whether the task still has an attempt that may succeed, so that nothing needs to be done.
bool driver_scheduler::impl::twin_goes_on(stage& of, const running_attempt& ended) {
  const auto pair = of.copies.running.find(ended.index);
  if (pair == of.copies.running.end() || core::planted(core::defect::failed_copy_restarts_task))
    return false;
  const auto& other = attempts_.at(pair->second.other(ended.task));
  of.copies.running.erase(pair);
  if (other.stage_attempt != ended.stage_attempt) {
    auto& tasks = *of.set_of(ended.stage_attempt);
    tasks.finish(ended.index);
    if (&tasks == of.current.get())
      tasks.expect_elsewhere(ended.index);
  }
  of.drop_empty_zombies();
  SALAMANDER_PROBE("one of two attempts failed");
  return true;
}

} // namespace salamander::scheduler
