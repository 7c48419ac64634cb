#include "driver_model.hpp"

#include "executor_model.hpp"

#include <algorithm>

namespace salamander::sim {

using scheduler::no_executor;

// -- the program --------------------------------------------------------------

void driver_model::submit(std::size_t number) {
  const auto& plan = world_.plan.jobs[number];
  const auto& final = graph_[plan.dataset];
  const job_id id{static_cast<std::uint32_t>(number)};
  auto& made = job_checks_.submitted(id, plan, final);
  ++submitted_;
  world_.log.add(world_.now(), "job", id.value);
  if (plan.what == job_action::save) {
    made.path = "out" + std::to_string(generation_) + "." + std::to_string(number);
    world_.disk.begin(made.path);
  }
  if (plan.cancel_at)
    world_.queue.after(*plan.cancel_at - plan.at, self_, [this, id] {
      auto& one = *job_checks_.find(id);
      one.cancelled = true;
      tell(scheduler::job_cancelled{id, "no longer wanted"});
    });
  tell(scheduler::job_submitted{id, final, plan.partitions, plan.pool, plan.what != job_action::foreach});
}

// It is found out before any task runs: the scheduler asks where cached blocks of its parents lie. So all of them have to be cached, and
// none of a barrier stage, which waits for slots first.
void driver_model::submit_broken_lineage() {
  const auto parent = std::find_if(graph_.begin(), graph_.end(), [&](const auto& one) {
    return one->cached && !one->barrier && machine_.cached_partitions(one->id) == one->partitions;
  });
  if (parent == graph_.end())
    return;
  const auto number = static_cast<std::uint32_t>(broken_jobs_.size());
  auto broken = std::make_shared<dataset>();
  broken->id = {static_cast<std::uint32_t>(graph_.size()) + 1 + number};
  broken->how = op::coalesce;
  broken->operation = name_of(op::coalesce);
  broken->partitions = 1;
  core::dependency edge;
  edge.parent = *parent;
  edge.how = core::dependency::kind::grouped; // and no group says what the partition is made from
  broken->dependencies.push_back(std::move(edge));
  const job_id id{static_cast<std::uint32_t>(world_.plan.jobs.size()) + number};
  const auto& plan = broken_jobs_.emplace_back(planned_job{0, {0}, job_action::collect, duration::zero(), std::nullopt, {}});
  job_checks_.submitted(id, plan, broken).broken = true;
  world_.log.add(world_.now(), "job", id.value);
  tell(scheduler::job_submitted{id, broken, plan.partitions, plan.pool, true});
  check(job_checks_.find(id)->over, "S10 honest", [] { return std::string("a job over broken lineage is not refused at once"); });
}

bool driver_model::all_jobs_over() const {
  return submitted_ == world_.plan.jobs.size() && no_job_runs();
}

bool driver_model::no_job_runs() const {
  const auto& jobs = job_checks_.jobs();
  return std::all_of(jobs.begin(), jobs.end(), [](const auto& one) { return one.second.over; });
}

bool driver_model::idle() const {
  return machine_.idle() && attempts_.empty() && result_fetches_.empty();
}

bool driver_model::still_used(const core::dependency& shuffle) const {
  for (std::size_t i = 0; i < world_.plan.jobs.size(); ++i) {
    const auto at = job_checks_.jobs().find(job_id{static_cast<std::uint32_t>(i)});
    if (at != job_checks_.jobs().end() && at->second.over)
      continue;
    const auto below = shuffles_below(*graph_[world_.plan.jobs[i].dataset]);
    if (std::any_of(below.begin(), below.end(), [&](const auto* one) { return one->shuffle == shuffle.shuffle; }))
      return true;
  }
  return false;
}

void driver_model::release(const planned_release& what) {
  for (const auto& one : graph_) {
    if (!what.shuffle && one->id.value == what.id) {
      one->cached = false;
      tell(scheduler::dataset_unpersisted{one->id});
      command_all(drop_dataset{what.id});
    }
    // A shuffle goes with the last handle of its dataset, and a job holds handles.
    for (const auto& edge : one->dependencies)
      if (what.shuffle && edge.wide() && edge.shuffle.value == what.id && !still_used(edge)) {
        tell(scheduler::shuffle_released{edge.shuffle});
        command_all(drop_shuffle{what.id});
      }
  }
}

void driver_model::forget_everything() {
  for (const auto& one : graph_) {
    release({false, one->id.value, {}});
    for (const auto& edge : one->dependencies)
      if (edge.wide())
        release({true, edge.shuffle.value, {}});
    store_.drop_all(storage::block_kind::source, one->id.value);
  }
}

// -- what executors say -------------------------------------------------------

void driver_model::reported(executor_id executor, const report& what) {
  auto* const from = find(executor);
  check(links_.contains(executor) && !from->session.over(), "S4 dead epoch",
        [&] { return "a report of executor " + std::to_string(executor.value) + ", which is dead, is delivered"; });
  check(what.number == from->next_report, "S4 line", [&] {
    return "executor " + std::to_string(executor.value) + ": report " + std::to_string(what.number) + " is delivered instead of " +
           std::to_string(from->next_report);
  });
  ++from->next_report;
  ++world_.counts.reports;
  for (const auto& one : what.tasks)
    one_report(executor, one);
  if (!what.moved.empty())
    tell(scheduler::blocks_moved{executor, what.moved});
  for (const auto& block : what.evicted)
    tell(scheduler::block_dropped{executor, block});
}

void driver_model::fetch_result(executor_id executor, const task_report& what) {
  auto then = [this, executor, what](task_report complete) {
    const auto keep = std::move(result_fetches_[what.task]);
    result_fetches_.erase(what.task);
    if (!links_.contains(executor))
      return;
    command(executor, drop_result{what.task});
    one_report(executor, complete);
  };
  result_fetches_[what.task] = world_.blocks.start(
      self_, {{storage::block_id::result(what.task), links_.at(executor).process}},
      [then, what](const block_exchange::blocks& fetched) {
        auto complete = what;
        auto& done = std::get<task_success>(complete.outcome);
        done.result = fetched[0];
        done.kept = false;
        then(std::move(complete));
      },
      [then, what](const block_exchange::failure& why) {
        auto complete = what;
        complete.outcome = scheduler::failure(
            scheduler::user_error{"the result of the task was lost: " + why.text, static_cast<std::uint8_t>(errc::executor_lost)});
        then(std::move(complete));
      });
}

void driver_model::one_report(executor_id executor, const task_report& what) {
  const auto* done = std::get_if<task_success>(&what.outcome);
  const auto limit = world_.settings.scheduler.result_bytes_max;
  if (done && done->kept && !(limit != 0 && done->result_bytes > limit))
    return fetch_result(executor, what);
  ++world_.counts.progress;
  if (const auto at = attempts_.find(task_id{what.task}); at != attempts_.end() && at->second.executor == executor) {
    attempts_.erase(at);
    --outstanding_[executor];
  } else {
    tell(scheduler::tick{}); // what is due by now is no consequence of a report that means nothing
  }
  if (!done) {
    old_reports_.push_back(scheduler::task_failed{{what.task}, executor, std::get<scheduler::failure>(what.outcome)});
  } else {
    scheduler::task_succeeded event;
    event.task = {what.task};
    event.executor = executor;
    event.result_bytes = done->result_bytes;
    event.run_time = what.run_time;
    event.cached = what.cached;
    event.output_fingerprint = done->output_fingerprint;
    event.contributes = true;
    old_reports_.push_back(std::move(event));
    if (done->result)
      results_[what.task] = {done->result, done->file};
  }
  tell(old_reports_.back());
}

/// The scheduler's own defence: what the sessions let through once comes again.
void driver_model::replay_old_report(std::uint64_t salt) {
  if (old_reports_.empty())
    return;
  tell(scheduler::tick{}); // what is due by now is no consequence of the report
  tell(old_reports_[salt % old_reports_.size()]);
}

void driver_model::ask_to_leave(executor_id executor, bool may_stay) {
  if (links_.contains(executor))
    tell(scheduler::executor_leaving{executor, "it is asked to", may_stay});
}

// -- the scheduler ------------------------------------------------------------

void driver_model::tell(scheduler::event what) {
  events_.push_back(std::move(what));
  run();
}

void driver_model::run() {
  if (running_)
    return; // an action made an event; the loop below takes it
  running_ = true;
  while (!events_.empty()) {
    const auto event = std::move(events_.front());
    events_.pop_front();
    job_checks_.before(event);
    const auto decided = machine_.handle(event, world_.now());
    job_checks_.after(event, decided);
    for (const auto& one : decided)
      perform(one);
    if (const auto* done = std::get_if<scheduler::task_succeeded>(&event))
      results_.erase(done->task.value);
  }
  running_ = false;
}

void driver_model::perform(const scheduler::action& what) {
  if (const auto* launched = std::get_if<scheduler::launch_tasks>(&what)) {
    launch(*launched);
  } else if (const auto* cancelled = std::get_if<scheduler::cancel_tasks>(&what)) {
    cancel_attempts message;
    for (const auto task : cancelled->tasks) {
      world_.log.add(world_.now(), "cancel", task.value);
      message.tasks.push_back(task.value);
      if (const auto at = attempts_.find(task); at != attempts_.end())
        at->second.cancelled_at = world_.now();
    }
    command(cancelled->executor, std::move(message));
  } else if (const auto* result = std::get_if<scheduler::deliver_result>(&what)) {
    deliver(*result);
  } else if (const auto* taken = std::get_if<scheduler::withdraw_results>(&what)) {
    world_.log.add(world_.now(), "results withdrawn", taken->job.value, taken->indices.size());
    job_checks_.withdrawn(*taken);
  } else if (const auto* unwanted = std::get_if<scheduler::discard_result>(&what)) {
    discard(*unwanted);
  } else if (const auto* stale = std::get_if<scheduler::drop_cached>(&what)) {
    if (stale->executor == no_executor)
      command_all(drop_dataset{stale->dataset.value});
    else
      command(stale->executor, drop_dataset{stale->dataset.value});
  } else if (const auto* killed = std::get_if<scheduler::kill_executor>(&what)) {
    kill(killed->executor, killed->reason, duration::zero());
    world_.disturb(world_.settings.dead_after);
  } else if (const auto* moving = std::get_if<scheduler::take_over>(&what)) {
    command(moving->executor, take_blocks{moving->from, moving->blocks});
  } else if (const auto* renewed = std::get_if<scheduler::renew_inputs>(&what)) {
    for (auto& [id, one] : links_)
      std::erase_if(one.told, [&](const auto& entry) { return entry.first.first == renewed->stage.value; });
  } else if (const auto* free = std::get_if<scheduler::release_executor>(&what)) {
    world_.log.add(world_.now(), "executor released", free->executor.value);
    ++world_.counts.progress;
    kill(free->executor, "exited with code 0", duration::zero());
    world_.disturb(world_.settings.dead_after);
  } else if (const auto* over = std::get_if<scheduler::finish_job>(&what)) {
    finish(*over);
  } else if (const auto* failed = std::get_if<scheduler::fail_job>(&what)) {
    world_.log.add(world_.now(), "job failed", failed->job.value, failed->why.code);
    world_.log.say(world_.now(), [&] { return failed->why.text; });
    ++world_.counts.progress;
    ++world_.counts.jobs_failed;
    if (const auto* one = job_checks_.find(failed->job); one && !one->path.empty())
      world_.disk.abandon(one->path);
    job_checks_.failed(*failed);
  } else if (const auto* forgotten = std::get_if<scheduler::forget_stage>(&what)) {
    for (auto& [id, one] : links_)
      std::erase_if(one.told, [&](const auto& entry) { return entry.first.first == forgotten->stage.value; });
    store_.drop_all(storage::block_kind::plan, forgotten->stage.value);
    command_all(forget_stage{forgotten->stage.value});
  } else if (const auto* later = std::get_if<scheduler::wake_at>(&what)) {
    wake(later->when);
  } else if (const auto* note = std::get_if<scheduler::notice>(&what)) {
    world_.log.say(world_.now(), [&] { return "  " + note->text; });
    check(note->how != scheduler::notice::level::error || note->text.starts_with("no executor is left"), "S8 log",
          [&] { return "the log has an error: " + note->text; });
  }
}

void driver_model::finish(const scheduler::finish_job& what) {
  world_.log.add(world_.now(), "job finished", what.job.value);
  ++world_.counts.progress;
  ++world_.counts.jobs_succeeded;
  if (const auto* one = job_checks_.find(what.job); one && !one->path.empty()) {
    std::vector<std::pair<std::uint32_t, std::string>> parts;
    for (std::size_t i = 0; i < one->files.size(); ++i)
      parts.emplace_back(one->plan->partitions[i], one->files[i]);
    check(world_.disk.commit(one->path, parts), "S2 output", [] { return std::string("an output file that counts is not there"); });
  }
  job_checks_.finished(what.job);
}

void driver_model::discard(const scheduler::discard_result& what) {
  results_.erase(what.task.value);
  command(what.executor, drop_result{what.task.value});
  if (what.map_output)
    command(what.executor, drop_map_output{what.map_output->first.value, what.map_output->second});
}

void driver_model::deliver(const scheduler::deliver_result& what) {
  const auto result = results_.find(what.task.value);
  auto* const to = job_checks_.find(what.job);
  check(to && result != results_.end(), "S2 once",
        [&] { return "the result of task " + std::to_string(what.task.value) + " is wanted and not here"; });
  const auto decoded = decode(*result->second.bytes);
  check(decoded.has_value(), "S3 intact data", [] { return std::string("a result was let through although its bytes had changed"); });
  world_.log.add(world_.now(), "result", what.job.value, what.index, what.task.value);
  job_checks_.result_arrived(*to, what.index, *decoded, result->second.file);
  results_.erase(result);
}

void driver_model::launch(const scheduler::launch_tasks& what) {
  const auto at = links_.find(what.executor);
  if (at == links_.end())
    return; // its loss is on the way to the scheduler
  const auto& as_sent = announce(what, at->second);
  run_tasks message;
  for (const auto& task : what.tasks) {
    world_.log.add(world_.now(), "launch", task.task.value, what.stage.value, what.stage_attempt, task.partition, what.executor.value);
    ++world_.counts.tasks_launched;
    ++world_.counts.progress;
    attempts_[task.task] = {what.executor, std::nullopt};
    ++outstanding_[what.executor];
    message.tasks.push_back({task.task.value, what.stage.value, what.stage_attempt, task.partition, task.attempt, task.careful});
  }
  job_checks_.launched(what, as_sent);
  command(what.executor, std::move(message));
}

const stage_order& driver_model::announce(const scheduler::launch_tasks& what, link& to) {
  auto& known = to.told[{what.stage.value, what.stage_attempt}];
  if (known)
    return *known;
  auto made = std::make_shared<stage_order>();
  made->stage = what.stage;
  made->stage_attempt = what.stage_attempt;
  made->program = machine_.program_of(what.stage);
  made->inputs = machine_.inputs_of(what.stage);
  made->plan_is_block = world_.settings.plans_as_blocks;
  check(made->program.dataset != nullptr, "S4 inputs", [] { return std::string("a stage is launched that has no program"); });
  if (!made->program.map_child) {
    const auto* of = job_checks_.find(made->program.job);
    check(of && !of->over, "S4 inputs", [] { return std::string("a stage is launched for a job that is over"); });
    made->what = of->plan->what;
    made->path = of->path;
  }
  if (made->plan_is_block)
    store_.put(storage::block_id::plan(what.stage.value, what.stage_attempt), encoded_block({}));
  job_checks_.announced(*made);
  known = made;
  command(what.executor, run_stage{made});
  return *made;
}

void driver_model::wake(time_point when) {
  if (next_wake_ && *next_wake_ <= when)
    return;
  next_wake_ = when;
  world_.queue.at(when, self_, [this, when] {
    if (next_wake_ != when)
      return; // asked for before something earlier was, and again since if it is still wanted
    next_wake_.reset();
    tell(scheduler::tick{});
  });
}

std::string driver_model::why_not_live() {
  std::string text;
  for (const auto& [id, one] : job_checks_.jobs())
    if (!one.over) {
      text += "  job " + std::to_string(id.value) + " is not over: " +
              std::to_string(std::count_if(one.results.begin(), one.results.end(), [](const auto& r) { return r.has_value(); })) + " of " +
              std::to_string(one.results.size()) + " results\n";
    }
  for (const auto& [task, one] : attempts_)
    text += "  task " + std::to_string(task.value) + " at executor " + std::to_string(one.executor.value) + " is not reported" +
            (one.cancelled_at ? ", cancelled" : "") + "\n";
  for (const auto& [id, one] : links_) {
    auto* const process = world_.executor(one.process);
    text += "  executor " + std::to_string(id.value) + ": " +
            (one.session.over()                                                   ? "its session is over"
             : one.session.health() == scheduler::executor_monitor::health::alive ? "alive"
                                                                                  : "suspect") +
            ", " + std::to_string(one.session.line().unconfirmed()) + " orders not confirmed, process " +
            (process && process->session().line().unconfirmed() > 0 ? "has reports that are not confirmed, " : "") +
            (!process ? "gone"
             : world_.queue.stopped(one.process)
                 ? "stopped"
                 : "runs " + std::to_string(process->running()) + " tasks, " + std::to_string(process->waiting()) + " wait") +
            "\n";
  }
  text += "  " + std::to_string(processes_.size()) + " processes, " + std::to_string(supervisor_.living()) +
          " executors not buried; scheduler " + (machine_.idle() ? "idle" : "not idle") + (next_wake_ ? ", will wake" : ", has no timer") +
          "\n";
  return text;
}

} // namespace salamander::sim
