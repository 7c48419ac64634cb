#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/failure_text.hpp>

#include <algorithm>

namespace salamander::scheduler {

void driver_scheduler::impl::on(const job_submitted& e) {
  if (jobs_.contains(e.job)) {
    note(notice::level::warning, "job " + std::to_string(e.job.value) + " was submitted twice; the second time is ignored");
    return;
  }
  if (e.partitions.empty()) {
    act(finish_job{e.job, {}});
    return;
  }
  const auto known = e.final ? e.final->partitions : 0;
  const auto worst = *std::max_element(e.partitions.begin(), e.partitions.end());
  if (worst >= known) {
    refuse(e, errc::invalid_argument,
           "partition " + std::to_string(worst) + " was asked for, but the dataset has " + counted(known, "partition"));
    return;
  }
  if (exhausted_) {
    refuse(e, errc::no_executors, *exhausted_);
    return;
  }
  auto& made = jobs_[e.job];
  made.id = e.job;
  made.delivered.assign(e.partitions.size(), false);
  made.remaining = e.partitions.size();
  made.pool = e.pool;
  made.repeatable = e.repeatable;
  made.stages = graph_.add_job(e.job, e.final, e.partitions);
  if (refused_barrier(e.job))
    return;
  if (short_of_slots(made))
    held_.insert(e.job);
  else
    begin(made);
}

void driver_scheduler::impl::begin(job& accepted) {
  ensure(*accepted.stages.back());
  for (const auto* s : accepted.stages) {
    if (s->phase == stage::phase_kind::idle)
      accepted.skipped.insert(s->id);
    else if (s->phase == stage::phase_kind::running && accepted.ran.insert(s->id).second)
      ++accepted.counts.stages_run;
  }
}

void driver_scheduler::impl::refuse(const job_submitted& e, errc code, std::string text) {
  act(fail_job{e.job, {static_cast<std::uint8_t>(code), std::move(text), {}}, {}});
}

void driver_scheduler::impl::on(const job_cancelled& e) {
  auto text = "job " + std::to_string(e.job.value) + " was cancelled" + (e.reason.empty() ? "" : ": " + e.reason);
  fail(e.job, {static_cast<std::uint8_t>(errc::job_cancelled), std::move(text), {}});
}

void driver_scheduler::impl::on(const executors_exhausted& e) {
  exhausted_ = "no executor is left, and no other will be started: " + e.reason;
  note(notice::level::error, *exhausted_);
  while (!jobs_.empty())
    fail(jobs_.begin()->first, {static_cast<std::uint8_t>(errc::no_executors), *exhausted_, {}});
}

void driver_scheduler::impl::finish(job& done) {
  auto& result = *done.stages.back();
  act(stage_finished{result.id, result.attempts - 1, false});
  result.phase = stage::phase_kind::idle;
  stage_succeeded(result);
  done.counts.stages_skipped = static_cast<std::uint32_t>(done.skipped.size());
  act(finish_job{done.id, done.counts});
  close(done, "the job is finished");
}

void driver_scheduler::impl::fail(job_id id, job_failure why) {
  const auto it = jobs_.find(id);
  if (it == jobs_.end())
    return;
  auto& failed = it->second;
  failed.counts.stages_skipped = static_cast<std::uint32_t>(failed.skipped.size());
  auto reason = why.text;
  act(fail_job{id, std::move(why), failed.counts});
  close(failed, reason);
}

void driver_scheduler::impl::abort(stage& failed, const job_failure& why) {
  const auto users = failed.jobs;
  for (const auto id : users)
    fail(id, why);
}

// Stages that another job needs go on; of the others nothing is left but the map outputs they made.
void driver_scheduler::impl::close(job& over, const std::string& why) {
  auto unused = graph_.remove_job(over.id, over.stages);
  std::unordered_set<const stage*> gone;
  for (const auto& s : unused)
    gone.insert(s.get());
  for (auto* s : over.stages)
    if (!gone.contains(s) && s->place_in_queue) {
      SALAMANDER_PROBE("stage goes on for another job");
      mark_ready(*s);
    }
  for (auto& s : unused) {
    unmark_ready(*s);
    unwatch(*s);
    roll_back_due_.erase(s->id);
    resubmissions_.erase(s->id);
    if (gangs_.erase(s->id) > 0)
      offer_all_ = true; // cores may have been kept free for it
    if (s->phase == stage::phase_kind::running)
      act(stage_finished{s->id, s->attempts - 1, true});
    if (s->current || !s->zombies.empty())
      cancel_attempts_of(*s, why);
    if (s->attempts > 0)
      act(forget_stage{s->id});
    graveyard_.push_back(std::move(s));
  }
  counted_.forget(over.id);
  held_.erase(over.id);
  jobs_.erase(over.id);
}

} // namespace salamander::scheduler
