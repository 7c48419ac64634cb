#include <salamander/actors/scheduler_shell.hpp>

#include <fmt/format.h>

#include <unordered_set>

namespace salamander::actors {
namespace {

namespace sched = scheduler;

/// Jobs whose lineage is searched for the title of a dataset that a dead executor was at.
constexpr std::size_t shown_jobs_max = 64;

job_report to_report(const sched::job_counts& counts) {
  job_report report;
  report.stages_run = counts.stages_run;
  report.stages_skipped = counts.stages_skipped;
  report.stage_retries = counts.stage_retries;
  report.tasks_succeeded = counts.tasks_succeeded;
  report.tasks_failed = counts.tasks_failed;
  report.tasks_lost = counts.tasks_lost;
  report.tasks_resubmitted = counts.tasks_resubmitted;
  report.stages_rolled_back = counts.stages_rolled_back;
  report.speculative_launched = counts.speculative_launched;
  report.speculative_won = counts.speculative_won;
  report.records_read = counts.records_read;
  report.bytes_read = counts.bytes_read;
  report.shuffle_bytes_written = counts.shuffle_bytes;
  return report;
}

sched::failure to_failure(const task_report& report) {
  if (const auto* error = std::get_if<task_report::user_error>(&report.outcome))
    return sched::user_error{error->text, error->code};
  if (const auto* fetch = std::get_if<task_report::fetch_failed>(&report.outcome))
    return sched::fetch_failed{{fetch->shuffle}, fetch->map_partition, {fetch->executor}, fetch->text};
  return sched::task_was_cancelled{};
}

} // namespace

scheduler_shell::scheduler_shell(scheduler_actor::pointer self, scheduler_setup setup)
    : self_(self), setup_(std::move(setup)), machine_(setup_.limits) {}

void scheduler_shell::submit(submit_job& message) {
  const auto job = std::move(message.job);
  sched::job_submitted event{{job->number()}, job->final(), job->spec().partitions};
  jobs_.emplace(job->number(), job);
  setup_.progress->job_started();
  feed(std::move(event));
}

void scheduler_shell::cancel(cancel_job& message) {
  feed(sched::job_cancelled{{message.job}, std::move(message.reason)});
}

void scheduler_shell::join(executor_ready& executor) {
  executors_[executor.executor].port = std::move(executor.port);
  feed(sched::executor_joined{{executor.executor}, executor.cores});
}

void scheduler_shell::give_up(executors_given_up& message) {
  feed(sched::executors_exhausted{std::move(message.reason)});
}

void scheduler_shell::lose(executor_gone& executor) {
  if (executors_.erase(executor.executor) == 0)
    return;
  sched::executor_lost event{{executor.executor}, executor.reason, {}};
  for (const auto& position : executor.positions)
    event.positions.emplace_back(sched::task_id{position.task}, describe(position));
  std::erase_if(attempts_, [&](const auto& entry) {
    if (entry.second.executor != executor.executor)
      return false;
    setup_.progress->tasks_changed(entry.second.stage, 0, -1);
    return true;
  });
  std::vector<std::uint64_t> waiting;
  for (const auto& [token, pending] : unpersisting_)
    waiting.push_back(token);
  for (const auto token : waiting)
    finished_dropping(token, executor.executor);
  feed(std::move(event));
}

void scheduler_shell::silent(const executor_silent& executor) {
  if (executor.silent)
    feed(sched::executor_suspected{{executor.executor}});
  else
    feed(sched::executor_recovered{{executor.executor}});
}

void scheduler_shell::cancel_all(const cancel_all_jobs& message) {
  for (const auto& [id, job] : jobs_)
    queue(sched::job_cancelled{{id}, message.reason});
  run();
}

void scheduler_shell::report(tasks_reported& message) {
  if (!executors_.contains(message.executor))
    return;
  for (auto& report : message.reports)
    one_report(message.executor, std::move(report));
  evictions(message.executor, message.evicted);
  run();
}

void scheduler_shell::fetched(result_fetched& message) {
  if (!executors_.contains(message.executor))
    return;
  if (std::holds_alternative<task_report::success>(message.report.outcome))
    tell(self_, executors_[message.executor].port, drop_result{message.report.task});
  one_report(message.executor, std::move(message.report));
  run();
}

void scheduler_shell::one_report(std::uint32_t executor, task_report&& report) {
  auto* done = std::get_if<task_report::success>(&report.outcome);
  const bool hopeless = done && setup_.limits.result_bytes_max != 0 && done->result_bytes > setup_.limits.result_bytes_max;
  if (done && done->result_kept && !done->result && setup_.fetcher && !hopeless) {
    caf::actor_addr address = self_->address();
    setup_.fetcher->fetch(executor, std::move(report), [address, executor](task_report complete) {
      if (auto to = caf::actor_cast<scheduler_actor>(address))
        post(to, result_fetched{executor, std::move(complete)});
    });
    return;
  }
  const auto attempt = attempts_.find(report.task);
  if (attempt != attempts_.end()) {
    setup_.progress->tasks_changed(attempt->second.stage, done ? 1 : 0, -1);
    attempts_.erase(attempt);
  }
  if (!done) {
    queue(sched::task_failed{{report.task}, {executor}, to_failure(report)});
    return;
  }
  sched::task_succeeded event{{report.task},       {executor},        done->result_bytes,  report.run_time, {},
                              report.records_read, report.bytes_read, report.shuffle_bytes};
  for (const auto& [dataset, partition] : report.cached)
    event.cached.push_back({{dataset}, partition});
  if (done->result)
    results_[report.task] = std::move(done->result);
  queue(std::move(event));
}

void scheduler_shell::beaten(const heartbeat& message) {
  setup_.executors->reported(message.executor, message.running_tasks, message.cached_bytes);
  if (message.evicted.empty() || !executors_.contains(message.executor))
    return;
  evictions(message.executor, message.evicted);
  run();
}

void scheduler_shell::evictions(std::uint32_t executor, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& blocks) {
  for (const auto& [dataset, partition] : blocks)
    queue(sched::block_dropped{{executor}, {{dataset}, partition}});
}

void scheduler_shell::unpersist(const unpersist_dataset& message) {
  feed(sched::dataset_unpersisted{{message.dataset}});
  const auto token = next_token_++;
  auto& pending = unpersisting_[token];
  pending.done = message.done;
  for (auto& [id, executor] : executors_) {
    pending.executors.insert(id);
    tell(self_, executor.port, drop_dataset{message.dataset, token});
  }
  finished_dropping(token, sched::no_executor.value);
}

void scheduler_shell::dropped(const dataset_dropped& message) {
  finished_dropping(message.token, message.executor);
}

void scheduler_shell::finished_dropping(std::uint64_t token, std::uint32_t executor) {
  const auto at = unpersisting_.find(token);
  if (at == unpersisting_.end())
    return;
  at->second.executors.erase(executor);
  if (!at->second.executors.empty())
    return;
  if (at->second.done)
    at->second.done->set_value();
  unpersisting_.erase(at);
}

void scheduler_shell::release(const release_shuffle& message) {
  feed(sched::shuffle_released{{message.shuffle}});
  for (auto& [id, executor] : executors_)
    tell(self_, executor.port, drop_shuffle{message.shuffle});
}

void scheduler_shell::count(const count_cached& message) {
  message.answer->set_value(machine_.cached_partitions({message.dataset}));
}

void scheduler_shell::woken(const wake&) {
  next_wake_.reset();
  feed(sched::tick{});
}

void scheduler_shell::stop() {
  // No decisions are wanted any more: the executors are about to end with all they run.
  fail_all(errc::context_stopped, "cancelled because the context was shut down");
  for (auto& [token, pending] : unpersisting_)
    if (pending.done)
      pending.done->set_value();
  unpersisting_.clear();
  executors_.clear();
}

void scheduler_shell::break_down(const std::string& what) {
  running_ = false;
  events_.clear();
  if (setup_.log)
    setup_.log(sched::notice::level::error, "a defect in the scheduler ends all jobs: " + what);
  const auto jobs = jobs_;
  fail_all(errc::internal, "failed by a defect in the scheduler: " + what);
  try {
    for (const auto& [id, job] : jobs)
      queue(sched::job_cancelled{{id}, "the scheduler had a defect"});
    run();
  } catch (const std::exception&) {
    running_ = false; // nothing else can be done for these jobs
    events_.clear();
  }
}

void scheduler_shell::fail_all(errc code, const std::string& text) {
  const auto jobs = std::exchange(jobs_, {});
  for (const auto& [id, job] : jobs) {
    job->fail({}, error(code, fmt::format("Job {} {} ({})", id, text, job->title())));
    setup_.progress->job_ended(job->report());
  }
}

void scheduler_shell::feed(sched::event what) {
  queue(std::move(what));
  run();
}

void scheduler_shell::queue(sched::event what) {
  events_.push_back(std::move(what));
}

void scheduler_shell::run() {
  if (running_)
    return; // an action queued an event; the loop below takes it
  running_ = true;
  const auto time = now(self_);
  while (!events_.empty()) {
    const auto event = std::move(events_.front());
    events_.pop_front();
    for (const auto& action : machine_.handle(event, time))
      perform(action);
    if (const auto* done = std::get_if<sched::task_succeeded>(&event))
      results_.erase(done->task.value);
  }
  running_ = false;
  flush();
}

void scheduler_shell::flush() {
  for (auto& [id, executor] : executors_)
    if (!executor.outbox.empty())
      flush(id);
}

void scheduler_shell::flush(std::uint32_t id) {
  const auto at = executors_.find(id);
  if (at == executors_.end() || at->second.outbox.empty())
    return;
  const auto tasks = std::exchange(at->second.outbox, {});
  for (std::size_t first = 0; first < tasks.size(); first += run_tasks::tasks_max) {
    const auto last = std::min(tasks.size(), first + run_tasks::tasks_max);
    tell(self_, at->second.port,
         run_tasks{{tasks.begin() + static_cast<std::ptrdiff_t>(first), tasks.begin() + static_cast<std::ptrdiff_t>(last)}});
  }
}

void scheduler_shell::perform(const sched::action& what) {
  std::visit([this](const auto& action) { perform_one(action); }, what);
}

void scheduler_shell::perform_one(const sched::launch_tasks& what) {
  const auto at = executors_.find(what.executor.value);
  if (at == executors_.end())
    return; // its loss is on the way to the state machine
  try {
    announce(what, at->second);
  } catch (const error& failure) {
    for (const auto& task : what.tasks)
      queue(sched::task_failed{task.task, what.executor, sched::user_error{failure.what(), static_cast<std::uint8_t>(failure.code())}});
    return;
  } catch (const std::exception& failure) {
    for (const auto& task : what.tasks)
      queue(sched::task_failed{task.task, what.executor,
                               sched::user_error{std::string("a function or value could not be turned into bytes: ") + failure.what(),
                                                 static_cast<std::uint8_t>(errc::not_serializable)}});
    return;
  }
  for (const auto& task : what.tasks) {
    attempts_[task.task.value] = {what.executor.value, what.stage.value, task.partition, task.careful};
    at->second.outbox.push_back({task.task.value, what.stage.value, what.stage_attempt, task.partition, task.attempt, task.careful});
  }
  setup_.progress->tasks_changed(what.stage.value, 0, static_cast<std::int32_t>(what.tasks.size()));
}

void scheduler_shell::announce(const sched::launch_tasks& what, executor_entry& executor) {
  auto& stage = stages_[what.stage.value];
  if (!stage.plan || stage.attempt != what.stage_attempt) {
    stage = {};
    stage.attempt = what.stage_attempt;
    stage.plan = encode_plan(what.stage);
    if (setup_.driver_blocks && stage.plan->size() > plan_bytes_in_message_max) {
      setup_.driver_blocks->put_plan(what.stage.value, what.stage_attempt, stage.plan);
      stage.plan_is_block = true;
    }
  }
  if (stage.told.contains(what.executor.value))
    return;
  run_stage message;
  message.order.stage = what.stage.value;
  message.order.stage_attempt = what.stage_attempt;
  message.order.plan = stage.plan_is_block ? nullptr : stage.plan;
  auto inputs = machine_.inputs_of(what.stage);
  for (auto& [shuffle, locations] : inputs.shuffles) {
    shuffle_source source{shuffle.value, {}};
    source.executors.reserve(locations.size());
    for (const auto& location : locations)
      source.executors.push_back(location.value);
    message.order.shuffles.push_back(std::move(source));
  }
  for (const auto& [block, holder] : inputs.cached)
    message.order.cached.push_back({block.dataset.value, block.partition, holder.value});
  // Within the process nothing is sent as bytes, and there are no driver blocks.
  if (setup_.driver_blocks && message.wire_bytes() > control_message_bytes_max)
    core::throw_error(errc::invalid_argument,
                      fmt::format("the list of map partitions and cached blocks that stage {} reads from takes {} bytes, more than one "
                                  "message may have ({}); use fewer partitions",
                                  what.stage.value, message.wire_bytes(), control_message_bytes_max));
  flush(what.executor.value);
  tell(self_, executor.port, std::move(message));
  stage.told.insert(what.executor.value);
}

std::shared_ptr<const core::byte_buffer> scheduler_shell::encode_plan(sched::stage_id stage) const {
  const auto program = machine_.program_of(stage);
  if (program.map_child)
    return std::make_shared<const core::byte_buffer>(
        core::encode_map_plan(static_cast<const core::node&>(*program.map_child), program.map_dependency));
  const auto job = jobs_.find(program.job.value);
  if (job == jobs_.end())
    core::throw_error(errc::internal, "a stage was launched for a job that has ended");
  return std::make_shared<const core::byte_buffer>(
      core::encode_result_plan(static_cast<const core::node&>(*program.dataset), *job->second->spec().act));
}

void scheduler_shell::perform_one(const sched::cancel_tasks& what) {
  const auto at = executors_.find(what.executor.value);
  if (at == executors_.end())
    return;
  flush(what.executor.value);
  for (std::size_t first = 0; first < what.tasks.size(); first += cancel_attempts::tasks_max) {
    cancel_attempts message;
    for (auto i = first; i < std::min(what.tasks.size(), first + cancel_attempts::tasks_max); ++i)
      message.tasks.push_back(what.tasks[i].value);
    tell(self_, at->second.port, std::move(message));
  }
}

void scheduler_shell::perform_one(const sched::deliver_result& what) {
  const auto job = jobs_.find(what.job.value);
  const auto result = results_.find(what.task.value);
  if (job != jobs_.end() && result != results_.end())
    job->second->deliver(what.index, std::move(result->second));
}

void scheduler_shell::perform_one(const sched::withdraw_results& what) {
  const auto job = jobs_.find(what.job.value);
  if (job == jobs_.end())
    return;
  for (const auto index : what.indices)
    job->second->deliver(index, {});
}

void scheduler_shell::perform_one(const sched::drop_cached& what) {
  for (auto& [id, executor] : executors_)
    if (what.executor == sched::no_executor || what.executor.value == id) {
      flush(id);
      tell(self_, executor.port, drop_dataset{what.dataset.value, 0}); // nobody waits for the answer
    }
}

void scheduler_shell::perform_one(const sched::kill_executor& what) {
  if (setup_.kill)
    setup_.kill(what.executor.value, what.reason);
}

void scheduler_shell::perform_one(const sched::discard_result& what) {
  results_.erase(what.task.value);
  if (const auto at = executors_.find(what.executor.value); at != executors_.end() && setup_.fetcher)
    tell(self_, at->second.port, drop_result{what.task.value});
}

void scheduler_shell::perform_one(const sched::finish_job& what) {
  const auto at = jobs_.find(what.job.value);
  if (at == jobs_.end())
    return;
  const auto job = std::move(at->second);
  jobs_.erase(at);
  auto counts = to_report(what.counts);
  counts.succeeded = true;
  job->finish(std::move(counts));
  setup_.progress->job_ended(job->report());
}

void scheduler_shell::perform_one(const sched::fail_job& what) {
  const auto at = jobs_.find(what.job.value);
  if (at == jobs_.end())
    return;
  const auto job = std::move(at->second);
  jobs_.erase(at);
  std::vector<attempt_failure> attempts;
  for (const auto& attempt : what.why.attempts)
    attempts.push_back({attempt.stage.value, attempt.partition, attempt.number,
                        attempt.executor == sched::no_executor ? "none" : std::to_string(attempt.executor.value), attempt.reason});
  job->fail(to_report(what.counts), error(static_cast<errc>(what.why.code),
                                          fmt::format("Job {} ({}): {}", job->number(), job->title(), what.why.text), std::move(attempts)));
  setup_.progress->job_ended(job->report());
}

void scheduler_shell::perform_one(const sched::forget_stage& what) {
  stages_.erase(what.stage.value);
  for (auto& [id, executor] : executors_) {
    flush(id);
    tell(self_, executor.port, actors::forget_stage{what.stage.value});
  }
}

void scheduler_shell::perform_one(const sched::wake_at& what) {
  if (next_wake_ && *next_wake_ <= what.when)
    return;
  next_wake_ = what.when;
  const auto time = now(self_);
  remind(self_, what.when > time ? what.when - time : sched::duration::zero(), wake{});
}

void scheduler_shell::perform_one(const sched::stage_started& what) {
  setup_.progress->stage_started({what.stage.value, what.attempt, what.title, 0, 0, what.tasks, now(self_)});
}

void scheduler_shell::perform_one(const sched::stage_finished& what) {
  setup_.progress->stage_ended(what.stage.value);
}

void scheduler_shell::perform_one(const sched::notice& what) {
  if (setup_.log)
    setup_.log(what.how, what.text);
}

std::string scheduler_shell::describe(const stuck_task& position) const {
  auto title = title_of(position.dataset);
  if (title.empty())
    title = fmt::format("dataset {}", position.dataset);
  const auto attempt = attempts_.find(position.task);
  const bool exact = attempt != attempts_.end() && attempt->second.careful;
  return fmt::format("{}, partition {}, {} {}", title, position.partition, exact ? "record" : "in the batch from record", position.record);
}

std::string scheduler_shell::title_of(std::uint32_t dataset) const {
  std::vector<const core::lineage*> open;
  std::unordered_set<const core::lineage*> seen;
  for (const auto& [id, job] : jobs_)
    if (open.size() < shown_jobs_max && job->final())
      open.push_back(job->final().get());
  while (!open.empty()) {
    const auto* one = open.back();
    open.pop_back();
    if (!seen.insert(one).second)
      continue;
    if (one->id.value == dataset)
      return one->title();
    for (const auto& edge : one->dependencies)
      if (edge.parent)
        open.push_back(edge.parent.get());
  }
  return {};
}

} // namespace salamander::actors
