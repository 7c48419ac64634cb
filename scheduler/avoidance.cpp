#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/failure_text.hpp>

#include <algorithm>

namespace salamander::scheduler {

void driver_scheduler::impl::count_against_executor(stage& of, const running_attempt& attempt) {
  auto& trouble = of.troubles[attempt.index];
  trouble.failed_at = now_;
  if (std::find(trouble.failed_on.begin(), trouble.failed_on.end(), attempt.executor) == trouble.failed_on.end())
    trouble.failed_on.push_back(attempt.executor);
  if (!strict())
    return;
  if (!of.exclusions)
    of.exclusions = std::make_unique<stage_exclusion>(options_.exclusion);
  const auto& host = executors_.find(attempt.executor)->host;
  const auto excluded = [&] { return of.exclusions->forbids_all(attempt.executor, host); };
  const bool before = excluded();
  of.exclusions->failed(attempt.index, attempt.executor, host, now_);
  if (options_.exclusion.tasks_and_stages && !before && excluded()) {
    note(notice::level::warning,
         name_of(attempt.executor) + " is excluded for " + of.title(attempt.stage_attempt) + ": too many of its tasks failed there");
    SALAMANDER_PROBE("executor excluded for a stage");
  }
}

void driver_scheduler::impl::count_fetch_failure_against(executor_id from) {
  const auto* at = executors_.find(from);
  if (at && options_.exclusion.application && options_.exclusion.fetch_failures)
    apply(application_exclusion_.fetch_failed(from, at->host, now_));
}

void driver_scheduler::impl::stage_succeeded(stage& done) {
  if (done.exclusions && options_.exclusion.application)
    apply(application_exclusion_.stage_succeeded(done.id, done.attempts - 1, *done.exclusions, now_));
  done.exclusions.reset();
}

void driver_scheduler::impl::apply(const std::vector<application_exclusion::exclusion>& made) {
  for (const auto& one : made) {
    const auto whom = one.executor == no_executor ? "node " + one.node : name_of(one.executor);
    note(notice::level::warning, whom + " is excluded for the whole application: " + one.why);
    SALAMANDER_PROBE("excluded for the application");
    if (!options_.exclusion.kill_excluded)
      continue;
    for (auto& [id, at] : executors_.all())
      if (one.executor == no_executor ? at.host == one.node : id == one.executor)
        kill(at, whom + " is excluded: " + one.why);
  }
}

void driver_scheduler::impl::kill(executor& doomed, const std::string& reason) {
  if (doomed.ending || !options_.exclusion.kill_possible)
    return;
  doomed.ending = true;
  act(kill_executor{doomed.id, reason});
  SALAMANDER_PROBE("excluded executor killed");
}

bool driver_scheduler::impl::is_excluded(const stage& s, const executor& at) const {
  if (options_.exclusion.application && application_exclusion_.forbids(at.id, at.host))
    return true;
  return options_.exclusion.tasks_and_stages && s.exclusions && s.exclusions->forbids_all(at.id, at.host);
}

bool driver_scheduler::impl::may_run(const stage& s, std::uint32_t index, const executor& at) const {
  if (is_excluded(s, at))
    return false;
  if (options_.exclusion.tasks_and_stages)
    return !s.exclusions || !s.exclusions->forbids(index, at.id, at.host) || core::planted(core::defect::excluded_executor_used);
  const auto trouble = s.troubles.find(index);
  return trouble == s.troubles.end() || !better_elsewhere(trouble->second, at);
}

// The soft rule. It ends with time, so that a task never waits for ever for executors that are busy for ever.
bool driver_scheduler::impl::better_elsewhere(const stage::trouble& trouble, const executor& at) const {
  const auto failed_on = [&](executor_id id) {
    return std::find(trouble.failed_on.begin(), trouble.failed_on.end(), id) != trouble.failed_on.end();
  };
  if (!failed_on(at.id) || now_ - trouble.failed_at >= options_.exclusion.retry_elsewhere_wait)
    return false;
  const auto& all = executors_.all();
  return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.second.takes_tasks() && !failed_on(entry.first); });
}

std::optional<std::uint32_t> driver_scheduler::impl::take_chosen(stage& s, executor& at) {
  return s.current->take_chosen(at.id, [&](std::uint32_t index) {
    if (may_run(s, index, at))
      return true;
    if (const auto trouble = s.troubles.find(index); trouble != s.troubles.end() && !options_.exclusion.tasks_and_stages)
      wake(std::max(now_, trouble->second.failed_at + options_.exclusion.retry_elsewhere_wait));
    SALAMANDER_PROBE("retry kept away from where it failed");
    return false;
  });
}

std::vector<stage_id> driver_scheduler::impl::queued_stages() const {
  std::vector<stage_id> found;
  for (const auto& [job, id] : queue_)
    found.push_back(id);
  return found;
}

// Before anything is placed: of a stage that is given up no task must be on its way.
void driver_scheduler::impl::abort_unschedulable() {
  for (const auto id : queued_stages()) {
    auto* s = graph_.find(id);
    if (!s || !s->current || !s->unschedulable_since || now_ < *s->unschedulable_since + options_.exclusion.unschedulable_timeout)
      continue;
    const auto stuck = task_without_executor(*s);
    if (!stuck) {
      s->forget_that_it_was_unschedulable();
      continue;
    }
    SALAMANDER_PROBE("stage aborted as all executors are excluded");
    const auto partition = std::to_string(s->partition_of(*stuck));
    auto text = "Aborting TaskSet " + std::to_string(s->id.value) + "." + std::to_string(s->attempts - 1) + " because task " +
                std::to_string(*stuck) + " (partition " + partition +
                ")\ncannot run anywhere due to node and executor excludeOnFailure.\nMost recent failure:\n" +
                (s->last_failure.empty() ? "none of this stage" : s->last_failure) +
                "\n\nExcludeOnFailure behavior can be configured via salamander.excludeOnFailure.*.";
    abort(*s, {static_cast<std::uint8_t>(errc::stage_aborted), std::move(text), {}});
  }
}

void driver_scheduler::impl::check_schedulable() {
  for (const auto id : queued_stages())
    if (auto* s = graph_.find(id); s && s->current && s->current->pending() > 0)
      check_schedulable(*s);
}

// An idle executor that may not run the task is given up for a new one. If all are busy the time runs all the same: what they run
// ends some day, and then one of them is idle. It takes its outputs along, and where other tasks fail each time this could go on for
// ever; so it is done as often as one task may fail, and then the time decides.
void driver_scheduler::impl::check_schedulable(stage& s) {
  const auto stuck = task_without_executor(s);
  if (!stuck)
    return s.forget_that_it_was_unschedulable();
  if (!s.unschedulable_since)
    s.unschedulable_since = now_;
  wake(*s.unschedulable_since + options_.exclusion.unschedulable_timeout);
  if (s.made_room || s.executors_given_up >= std::max<std::uint32_t>(1, options_.task_failures_max))
    return;
  for (auto& [id, at] : executors_.all())
    if (at.running == 0 && at.takes_tasks() && !s.made_room) {
      s.made_room = true;
      ++s.executors_given_up;
      kill(at, name_of(id) + " is excluded and idle, and " + s.title(s.attempts - 1) + " has a task that no executor may run");
    }
}

std::optional<std::uint32_t> driver_scheduler::impl::task_without_executor(stage& s) {
  std::vector<const executor*> living;
  for (const auto& [id, at] : executors_.all())
    if (!at.ending)
      living.push_back(&at);
  // Without any executor there is nothing to be said, unless all were given up for this stage.
  if (living.empty() && !s.unschedulable_since)
    return std::nullopt;
  std::optional<std::uint32_t> found;
  if (std::all_of(living.begin(), living.end(), [&](const auto* at) { return is_excluded(s, *at); })) {
    for (std::uint32_t index = 0; index < s.size() && !found; ++index)
      if (s.current->status_of(index) == task_set::status::pending)
        found = index;
    return found;
  }
  s.current->any_chosen([&](std::uint32_t index) {
    if (std::any_of(living.begin(), living.end(), [&](const auto* at) { return may_run(s, index, *at); }))
      return false;
    found = index;
    return true;
  });
  return found;
}

void driver_scheduler::impl::expire_exclusions() {
  const auto next = application_exclusion_.next_expiry();
  if (!next)
    return;
  if (*next > now_) {
    wake(*next);
    return;
  }
  for (const auto& whom : application_exclusion_.expire(now_))
    note(notice::level::info, whom + " is not excluded any more");
  SALAMANDER_PROBE("exclusion expired");
  offer_all_ = true;
}

} // namespace salamander::scheduler
