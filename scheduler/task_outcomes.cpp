#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/failure_text.hpp>

namespace salamander::scheduler {
namespace {

constexpr std::uint32_t failures_noticed_max = 10; ///< of one stage; a stage of many failing tasks must not flood the log

errc code_of(const user_error& why) {
  return why.code < static_cast<std::uint8_t>(errc::count_) ? static_cast<errc>(why.code) : errc::internal;
}

} // namespace

// Whoever is not on the list of running attempts is late, a duplicate, or of an executor that was given up.
std::optional<running_attempt> driver_scheduler::impl::take_attempt(task_id task, executor_id executor) {
  const auto it = attempts_.find(task);
  if (it == attempts_.end() || it->second.executor != executor)
    return std::nullopt;
  const auto found = it->second;
  attempts_.erase(it);
  if (found.pool)
    --found.pool->running;
  auto& at = *executors_.find(executor);
  if (at.running-- > at.cores)
    at.queue_moved = now_;
  freed_.push_back(executor);
  return found;
}

void driver_scheduler::impl::on(const task_succeeded& e) {
  const auto attempt = take_attempt(e.task, e.executor);
  if (!attempt) {
    SALAMANDER_PROBE("late success refused");
    act(discard_result{e.task, e.executor});
    return;
  }
  auto* of = graph_.find(attempt->stage);
  if (fenced_.empty() || !was_fenced(e.task, e.executor))
    note_cached(e, of);
  auto* tasks = of && !attempt->cancelled ? of->set_of(attempt->stage_attempt) : nullptr;
  if (!tasks) {
    SALAMANDER_PROBE("result of a cancelled attempt refused");
    discard_result unwanted{e.task, e.executor};
    if (of && of->is_map())
      unwanted.map_output.emplace(of->shuffle, attempt->index);
    act(std::move(unwanted));
    return;
  }
  const auto index = attempt->index;
  tasks->ended(e.executor);
  tasks->record_run_time(e.run_time);
  tasks->finish(index);
  if (!of->copies.running.empty())
    twin_succeeded(*of, *attempt);
  if (tasks == of->current.get()) {
    if (tasks->slow_ones_wanted())
      watch(*of);
  } else if (of->current) {
    SALAMANDER_PROBE("task of an earlier stage attempt succeeded");
    of->current->finish(index);
  }
  if (!of->zombies.empty())
    of->drop_empty_zombies();
  if (!of->troubles.empty())
    of->troubles.erase(index); // should its output be lost, what went wrong before does not count against it
  if (!of->is_map())
    accept_result(e, *of, index);
  else if (accept_map_output(e, *of, index) && outputs_.complete(of->shuffle))
    map_stage_complete(*of);
}

// `of` is null for a late success of a job that is over. What it cached is kept if it is known to be what others cache.
void driver_scheduler::impl::note_cached(const task_succeeded& e, const stage* of) {
  for (const auto& block : e.cached) {
    const bool known = cache_.knows(block.dataset);
    if (!of && (!known || e.task < first_task_after_rollback_)) {
      cache_.remove_dataset(block.dataset, e.executor);
      act(drop_cached{block.dataset, e.executor});
      inputs_shrank();
      continue;
    }
    if (!known)
      cache_.declare(block.dataset, shuffles_behind(*of, block.dataset));
    cache_.add(block, e.executor);
  }
  for (const auto& block : e.kept)
    if (cache_.knows(block.dataset))
      cache_.add(block, kept_files);
}

void driver_scheduler::impl::count_success(const task_succeeded& e, const stage& of) {
  for_jobs(of, [&](job& user) {
    ++user.counts.tasks_succeeded;
    user.counts.records_read += e.records_read;
    user.counts.bytes_read += e.bytes_read;
    user.counts.shuffle_bytes += e.shuffle_bytes;
  });
}

// An output may be made again, after losses, rollbacks, and in later jobs; a result after a rollback. Only the first time counts.
void driver_scheduler::impl::count_contributions_of(const task_succeeded& e, const stage& of, std::uint32_t index) {
  if (!e.contributes || !(of.is_map() ? counted_.first_of(of.shuffle, index) : counted_.first_of(of.owner, index)))
    return;
  act(count_contributions{
      e.task, {of.jobs.begin(), of.jobs.end()}, of.is_map() ? std::optional(of.shuffle) : std::nullopt, of.partition_of(index)});
}

bool driver_scheduler::impl::accept_map_output(const task_succeeded& e, stage& of, std::uint32_t index) {
  const auto outcome = outputs_.add(of.shuffle, index, e.executor, e.task, e.output_fingerprint);
  if (outcome == map_output_table::outcome::refused) {
    act(discard_result{e.task, e.executor, std::pair(of.shuffle, index)});
    return false;
  }
  if (e.output_kept)
    outputs_.keep(of.shuffle, index);
  count_success(e, of);
  count_contributions_of(e, of, index);
  if (outcome == map_output_table::outcome::differs) {
    const auto id = of.id;
    contents_differ(of, index);
    return graph_.find(id) != nullptr;
  }
  return true;
}

void driver_scheduler::impl::accept_result(const task_succeeded& e, stage& of, std::uint32_t index) {
  auto& owner = jobs_.at(of.owner);
  if (owner.delivered[index]) {
    act(discard_result{e.task, e.executor});
    return;
  }
  owner.result_bytes += e.result_bytes;
  count_success(e, of);
  if (options_.result_bytes_max > 0 && owner.result_bytes > options_.result_bytes_max) {
    act(discard_result{e.task, e.executor});
    const auto results = owner.delivered.size() - owner.remaining + 1;
    fail(owner.id, {static_cast<std::uint8_t>(errc::result_too_large),
                    "the results of " + counted(results, "task") + " take " + size_text(owner.result_bytes) +
                        ", more than salamander.driver.maxResultSize allows, which is " + size_text(options_.result_bytes_max) +
                        "; save the dataset instead of collecting it, or raise the limit",
                    {}});
    return;
  }
  owner.delivered[index] = true;
  count_contributions_of(e, of, index);
  act(deliver_result{owner.id, index, e.task});
  if (--owner.remaining == 0)
    finish(owner);
}

void driver_scheduler::impl::on(const task_failed& e) {
  const auto attempt = take_attempt(e.task, e.executor);
  if (!attempt) {
    SALAMANDER_PROBE("late failure ignored");
    act(discard_result{e.task, e.executor});
    return;
  }
  if (!fenced_.empty())
    was_fenced(e.task, e.executor);
  auto* of = attempt->cancelled ? nullptr : graph_.find(attempt->stage);
  auto* tasks = of ? of->set_of(attempt->stage_attempt) : nullptr;
  if (!tasks)
    return;
  tasks->ended(e.executor);
  if (const auto* why = std::get_if<user_error>(&e.why))
    user_failed(*of, *attempt, *why);
  else if (const auto* lost = std::get_if<fetch_failed>(&e.why))
    fetch_went_wrong(*of, *attempt, *lost);
  else
    attempt_ended_without_success(*of, *attempt);
}

void driver_scheduler::impl::attempt_ended_without_success(stage& of, const running_attempt& attempt) {
  if (!of.copies.running.empty() && twin_goes_on(of, attempt))
    return;
  const bool is_current = of.current && of.current->attempt() == attempt.stage_attempt;
  if (!is_current) {
    of.set_of(attempt.stage_attempt)->finish(attempt.index);
    of.drop_empty_zombies();
  }
  if (!of.current)
    return;
  const auto status = of.current->status_of(attempt.index);
  if (status == (is_current ? task_set::status::running : task_set::status::elsewhere))
    requeue(of, attempt.index);
}

void driver_scheduler::impl::remember(stage& of, const running_attempt& attempt, std::string reason) {
  of.troubles[attempt.index].history.push_back(
      {of.id, of.partition_of(attempt.index), attempt.number, attempt.executor, std::move(reason)});
}

std::uint32_t driver_scheduler::impl::failures_of(const stage& of, std::uint32_t index) const {
  const auto found = of.troubles.find(index);
  if (found == of.troubles.end())
    return 0;
  const auto& trouble = found->second;
  // One executor that goes may take any task with it; when a second one goes under the same task, the task did it.
  return trouble.failures + (trouble.executors_ended >= 2 ? trouble.executors_ended : 0);
}

bool driver_scheduler::impl::too_many_failures(const stage& of, std::uint32_t index) const {
  const auto one_more = core::planted(core::defect::one_failure_too_many) ? 1U : 0U;
  return failures_of(of, index) >= std::max<std::uint32_t>(1, options_.task_failures_max) + one_more;
}

job_failure driver_scheduler::impl::failure_of(const stage& of, std::uint32_t index, errc code, const std::string& text) const {
  job_failure made;
  made.code = static_cast<std::uint8_t>(code);
  made.text = "Task " + std::to_string(of.partition_of(index)) + " in " + of.title(of.attempts - 1) + " " + text;
  if (const auto it = of.troubles.find(index); it != of.troubles.end())
    made.attempts = it->second.history;
  return made;
}

void driver_scheduler::impl::user_failed(stage& of, const running_attempt& attempt, const user_error& why) {
  for_jobs(of, [](job& user) { ++user.counts.tasks_failed; });
  if (of.failures_noticed < failures_noticed_max) {
    const bool last = ++of.failures_noticed == failures_noticed_max;
    note(notice::level::warning, "task " + std::to_string(of.partition_of(attempt.index)) + "." + std::to_string(attempt.number) + " in " +
                                     of.title(attempt.stage_attempt) + " failed on " + name_of(attempt.executor) + ": " + why.text +
                                     (last ? " (further failures of this stage are not logged)" : ""));
  }
  const bool is_current = of.current && of.current->attempt() == attempt.stage_attempt;
  if (!is_current) {
    attempt_ended_without_success(of, attempt);
    return;
  }
  remember(of, attempt, why.text);
  of.last_failure = why.text;
  ++of.troubles[attempt.index].failures;
  count_against_executor(of, attempt);
  const auto code = code_of(why);
  const bool no_memory = code == errc::out_of_memory && ++of.troubles[attempt.index].out_of_memory >= options_.out_of_memory_failures_max;
  const auto reported = code == errc::internal ? errc::task_failed : code;
  const auto times = "failed " + counted(failures_of(of, attempt.index), "time");
  if (retry_class_of(code) == retry_class::never)
    abort(of, failure_of(of, attempt.index, reported, times + ", which no other attempt can mend: " + why.text));
  else if (no_memory)
    abort(of, failure_of(of, attempt.index, reported, times + ", for want of memory, which further attempts seldom find: " + why.text));
  else if (too_many_failures(of, attempt.index))
    abort(of, failure_of(of, attempt.index, reported, times + ", most recent failure: " + why.text));
  else {
    if (of.barrier)
      gang_restarts_.try_emplace(of.id, why.text);
    attempt_ended_without_success(of, attempt);
  }
}

// A refused connection is known sooner than the end of the executor that refuses it, which takes all its outputs at once. Until then each
// attempt of the stage would find one more of them missing, and so many in a row end its job.
duration driver_scheduler::impl::wait_for_inputs(const stage& interrupted) const {
  const auto failures = interrupted.fetch_failures.size();
  if (failures < 2)
    return options_.resubmit_delay;
  return std::max(options_.resubmit_delay, options_.resubmit_pause * (1 << std::min<std::size_t>(failures - 2, 6)));
}

// What a live executor does not have any more is unregistered here. Of an executor that was given up nothing is registered: its
// outputs went with it, and late ones were refused.
void driver_scheduler::impl::fetch_went_wrong(stage& of, const running_attempt& attempt, const fetch_failed& why) {
  const bool is_latest = attempt.stage_attempt + 1 == of.attempts;
  if (!is_latest) {
    SALAMANDER_PROBE("late fetch failure ignored");
    attempt_ended_without_success(of, attempt);
    return;
  }
  const bool is_current = of.current != nullptr;
  if (of.copies.running.empty() || !twin_goes_on(of, attempt))
    of.set_of(attempt.stage_attempt)->finish(attempt.index);
  of.drop_empty_zombies();
  const bool removed = !core::planted(core::defect::unreadable_output_stays) && outputs_.remove(why.shuffle, why.map_partition, why.from);
  const auto text = "map output " + std::to_string(why.map_partition) + " of shuffle " + std::to_string(why.shuffle.value) +
                    " could not be had from " + name_of(why.from) + (why.text.empty() ? "" : ": " + why.text);
  const bool moved = has_moved(why); // it is there, and the next attempt is told where: nothing that counts against the stage
  if (is_current) {
    note(moved ? notice::level::info : notice::level::warning, of.title(attempt.stage_attempt) + ": " + text);
    // Files fail one by one, where an executor takes all that it has with it: each is tried once, and then there is one less.
    if (!moved && why.from != kept_files)
      of.fetch_failures.push_back({of.id, of.partition_of(attempt.index), attempt.number, attempt.executor, text});
    retire(of);
  }
  resubmit_after(of, wait_for_inputs(of));
  if (of.barrier)
    gang_restarts_.try_emplace(of.id, text);
  if (!moved)
    count_fetch_failure_against(why.from);
  if (removed) {
    map_output_lost(why.shuffle, why.map_partition);
    if (auto* made_by = graph_.of_shuffle(why.shuffle))
      for (auto* reader : made_by->children)
        recheck_inputs(*reader);
  }
  if (is_current && !moved && of.fetch_failures.size() >= std::max<std::uint32_t>(1, options_.stage_attempts_max)) {
    auto attempts = of.fetch_failures;
    abort(of, {static_cast<std::uint8_t>(errc::stage_aborted),
               of.title(attempt.stage_attempt) + " failed " + counted(attempts.size(), "time") + " in a row because " + text,
               std::move(attempts)});
  }
}

} // namespace salamander::scheduler
