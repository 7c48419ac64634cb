#include <salamander/actors/scheduler_shell.hpp>

#include <fmt/format.h>

#include <unordered_set>

namespace salamander::actors {
namespace {

namespace sched = scheduler;

/// Jobs whose lineage is searched for the title of a dataset that a dead executor was at.
constexpr std::size_t shown_jobs_max = 64;

/// How often dynamic allocation looks at the load.
constexpr std::chrono::milliseconds allocation_look_interval{100};

sched::failure to_failure(const task_report& report) {
  if (const auto* error = std::get_if<task_report::user_error>(&report.outcome))
    return sched::user_error{error->text, error->code};
  if (const auto* fetch = std::get_if<task_report::fetch_failed>(&report.outcome))
    return sched::fetch_failed{{fetch->shuffle}, fetch->map_partition, {fetch->executor}, fetch->text};
  return sched::task_was_cancelled{};
}

} // namespace

scheduler_shell::scheduler_shell(scheduler_actor::pointer self, scheduler_setup setup)
    : self_(self), setup_(std::move(setup)), machine_(setup_.limits), barriers_(setup_.barriers) {
  if (setup_.allocation) {
    allocation_.emplace(*setup_.allocation);
    remind(self_, allocation_look_interval, beat{});
  }
}

void scheduler_shell::look_at_load(const beat&) {
  if (!allocation_ || broken_)
    return;
  const auto decided = allocation_->look(
      machine_.load(), [&](sched::executor_id id) { return machine_.holds_blocks(id); }, now(self_));
  if (decided.target && setup_.want_executors)
    setup_.want_executors(*decided.target);
  for (const auto id : decided.leaving)
    queue(sched::executor_leaving{id, "idle", true});
  for (const auto id : decided.dropped)
    perform_one(sched::release_executor{id, "idle, and what it holds is computed again when it is needed"});
  run();
  remind(self_, allocation_look_interval, beat{});
}

void scheduler_shell::submit(submit_job& message) {
  const auto job = std::move(message.job);
  if (broken_) {
    job->fail({}, error(errc::context_stopped, fmt::format("Job {} ({}): the context was stopped by a defect in the scheduler: {}",
                                                           job->number(), job->title(), *broken_)));
    return;
  }
  sched::job_submitted event{{job->number()}, job->final(), job->spec().partitions};
  const auto& properties = job->spec().properties;
  if (const auto pool = properties.find("salamander.scheduler.pool"); pool != properties.end())
    event.pool = pool->second;
  event.repeatable = !job->spec().act || job->spec().act->repeatable();
  auto& kept = message.kept;
  kept_shuffles_.insert(kept.shuffle_places.begin(), kept.shuffle_places.end());
  kept_datasets_.insert(kept.dataset_places.begin(), kept.dataset_places.end());
  if (!kept.results.empty())
    kept_jobs_[job->number()].file = std::move(kept.results);
  for (auto& found : kept.outputs)
    queue(std::move(found));
  for (auto& found : kept.cached)
    queue(std::move(found));
  jobs_.emplace(job->number(), job);
  setup_.progress->job_started();
  if (setup_.faults)
    setup_.faults->job_started(job->number());
  feed(std::move(event));
}

void scheduler_shell::cancel(cancel_job& message) {
  feed(sched::job_cancelled{{message.job}, std::move(message.reason)});
}

void scheduler_shell::join(executor_ready& executor) {
  auto& joined = executors_[executor.executor];
  joined.port = std::move(executor.port);
  joined.blocks = std::move(executor.blocks);
  joined.host = executor.host;
  if (joined.blocks.port != 0)
    introduce_peer(executor.executor);
  if (setup_.faults)
    setup_.faults->executor_joined(executor.executor);
  feed(sched::executor_joined{{executor.executor}, executor.cores, executor.host});
}

void scheduler_shell::introduce_peer(std::uint32_t executor) {
  const auto& newcomer = executors_[executor];
  if (setup_.driver_blocks)
    setup_.driver_blocks->meet({newcomer.blocks});
  meet_peers others;
  for (const auto& [number, one] : executors_) {
    if (number == executor || one.blocks.port == 0)
      continue;
    tell(self_, one.port, meet_peers{{newcomer.blocks}});
    others.peers.push_back(one.blocks);
    if (others.peers.size() == meet_peers::peers_max)
      tell(self_, newcomer.port, std::exchange(others, {}));
  }
  if (!others.peers.empty())
    tell(self_, newcomer.port, std::move(others));
}

void scheduler_shell::give_up(executors_given_up& message) {
  feed(sched::executors_exhausted{std::move(message.reason)});
}

void scheduler_shell::lose(executor_gone& executor) {
  if (executors_.erase(executor.executor) == 0)
    return;
  if (setup_.faults)
    setup_.faults->executor_gone(executor.executor);
  sched::executor_lost event{{executor.executor}, executor.reason, {}};
  if (executor.positions) {
    event.positions.emplace();
    for (const auto& position : *executor.positions)
      event.positions->emplace_back(sched::task_id{position.task}, describe(position));
  }
  std::erase_if(attempts_, [&](const auto& entry) {
    if (entry.second.executor != executor.executor)
      return false;
    setup_.progress->tasks_changed(entry.second.stage, 0, -1);
    leave_gang(entry.first, false);
    return true;
  });
  std::vector<std::uint64_t> waiting;
  for (const auto& [token, pending] : dropping_)
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

void scheduler_shell::leaves(executor_leaves& message) {
  feed(sched::executor_leaving{{message.executor}, std::move(message.reason), false});
}

void scheduler_shell::taken(const blocks_taken& message) {
  if (!executors_.contains(message.executor))
    return;
  sched::blocks_moved event{{message.executor}, {}};
  for (const auto& [move, outcome] : message.outcomes)
    event.moves.emplace_back(move, outcome <= static_cast<std::uint8_t>(sched::move_outcome::failed)
                                       ? static_cast<sched::move_outcome>(outcome)
                                       : sched::move_outcome::failed);
  feed(std::move(event));
}

void scheduler_shell::cancel_all(const cancel_all_jobs& message) {
  for (const auto& [id, job] : jobs_)
    queue(sched::job_cancelled{{id}, message.reason});
  run();
}

void scheduler_shell::report(tasks_reported& message) {
  if (!executors_.contains(message.executor))
    return;
  if (!message.faults.empty() && setup_.faults)
    setup_.faults->happened(message.executor, message.faults);
  count_cached_ones(std::move(message.contributed));
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
    leave_gang(report.task, done != nullptr);
  }
  if (setup_.faults) {
    using task_end = fault_director::task_end;
    const bool cancelled = std::holds_alternative<task_report::cancelled>(report.outcome);
    setup_.faults->task_ended(report.task, done ? task_end::succeeded : cancelled ? task_end::cancelled : task_end::failed);
  }
  for (const auto& [dataset, partition] : report.kept_lost)
    queue(sched::block_dropped{sched::kept_files, {{dataset}, partition}});
  if (!done) {
    queue(sched::task_failed{{report.task}, {executor}, to_failure(report)});
    return;
  }
  sched::task_succeeded event{{report.task},       {executor},        done->result_bytes,  report.run_time, {},
                              report.records_read, report.bytes_read, report.shuffle_bytes};
  event.output_fingerprint = report.output_fingerprint;
  event.output_kept = report.output_kept;
  for (const auto& [dataset, partition] : report.kept)
    event.kept.push_back({{dataset}, partition});
  event.contributes = !report.contributed.empty();
  if (event.contributes)
    contributed_[report.task] = std::move(report.contributed);
  for (const auto& [dataset, partition] : report.cached)
    event.cached.push_back({{dataset}, partition});
  if (done->result)
    results_[report.task] = std::move(done->result);
  queue(std::move(event));
}

void scheduler_shell::beaten(const heartbeat& message) {
  setup_.executors->reported(message.executor, message.running_tasks, message.cached_bytes);
}

void scheduler_shell::evictions(std::uint32_t executor, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& blocks) {
  for (const auto& [dataset, partition] : blocks)
    queue(sched::block_dropped{{executor}, {{dataset}, partition}});
}

void scheduler_shell::unpersist(const unpersist_dataset& message) {
  feed(sched::dataset_unpersisted{{message.dataset}});
  drop_everywhere([&](std::uint64_t token) { return drop_dataset{message.dataset, token}; }, message.done);
}

void scheduler_shell::forget(const forget_broadcast& message) {
  drop_everywhere([&](std::uint64_t token) { return drop_broadcast{message.broadcast, token, message.destroyed}; }, message.done);
}

template <class Order>
void scheduler_shell::drop_everywhere(Order order, std::shared_ptr<std::promise<void>> done) {
  const auto token = next_token_++;
  auto& pending = dropping_[token];
  pending.done = std::move(done);
  pending.deadline = now(self_) + unpersist_wait_max;
  for (auto& [id, executor] : executors_) {
    pending.executors.insert(id);
    tell(self_, executor.port, order(token));
  }
  finished_dropping(token, sched::no_executor.value);
  watch_dropping();
}

/// Nobody waits for an answer for ever: not the user, and not this table.
void scheduler_shell::watch_dropping() {
  const auto time = now(self_);
  while (!dropping_.empty() && dropping_.begin()->second.deadline <= time) {
    auto& [token, pending] = *dropping_.begin();
    if (setup_.log)
      setup_.log(sched::notice::level::warning,
                 fmt::format("{} executors have not said that they dropped a dataset or a broadcast value; not waited for any longer",
                             pending.executors.size()));
    if (pending.done)
      pending.done->set_value();
    dropping_.erase(dropping_.begin());
  }
  if (!dropping_.empty())
    perform_one(sched::wake_at{dropping_.begin()->second.deadline});
}

void scheduler_shell::dropped(const dataset_dropped& message) {
  finished_dropping(message.token, message.executor);
}

void scheduler_shell::finished_dropping(std::uint64_t token, std::uint32_t executor) {
  const auto at = dropping_.find(token);
  if (at == dropping_.end())
    return;
  at->second.executors.erase(executor);
  if (!at->second.executors.empty())
    return;
  if (at->second.done)
    at->second.done->set_value();
  dropping_.erase(at);
}

void scheduler_shell::release(const release_shuffle& message) {
  kept_shuffles_.erase(message.shuffle);
  feed(sched::shuffle_released{{message.shuffle}});
  for (auto& [id, executor] : executors_)
    tell(self_, executor.port, drop_shuffle{message.shuffle});
}

void scheduler_shell::count(const count_cached& message) {
  message.answer->set_value(machine_.cached_partitions({message.dataset}));
}

void scheduler_shell::woken(const wake&) {
  if (!next_wake_ || *next_wake_ > now(self_))
    return; // asked for before something earlier was: if it is still wanted, it has been asked for again. Else they would multiply
  next_wake_.reset();
  watch_dropping();
  watch_gangs();
  feed(sched::tick{});
}

void scheduler_shell::stop() {
  // No decisions are wanted any more: the executors are about to end with all they run.
  fail_all(errc::context_stopped, "cancelled because the context was shut down");
  for (auto& [token, pending] : dropping_)
    if (pending.done)
      pending.done->set_value();
  dropping_.clear();
  executors_.clear();
}

void scheduler_shell::break_down(const std::string& what) {
  // What the state machine knows may be half a decision: it is not asked any more.
  const bool first = !broken_;
  broken_ = what;
  running_ = true;
  events_.clear();
  fail_all(errc::internal, "failed, and the context is stopped, by a defect in the scheduler: " + what);
  for (auto& [token, pending] : dropping_)
    if (pending.done)
      pending.done->set_value();
  dropping_.clear();
  results_.clear();
  contributed_.clear();
  std::map<std::uint32_t, cancel_attempts> running;
  for (const auto& [task, attempt] : attempts_)
    running[attempt.executor].tasks.push_back(task);
  attempts_.clear();
  for (auto& [id, executor] : executors_) {
    executor.outbox.clear();
    executor.faults.clear();
    if (const auto tasks = running.find(id); tasks != running.end())
      cancel_on(executor, tasks->second.tasks);
  }
  try {
    if (first && setup_.log)
      setup_.log(sched::notice::level::error, "a defect in the scheduler ends all jobs and stops the context: " + what);
  } catch (const std::exception&) {
    return; // the jobs know, and that is what matters
  }
}

void scheduler_shell::cancel_on(executor_entry& executor, const std::vector<std::uint64_t>& tasks) {
  for (std::size_t first = 0; first < tasks.size(); first += cancel_attempts::tasks_max) {
    const auto last = std::min(tasks.size(), first + cancel_attempts::tasks_max);
    tell(self_, executor.port,
         cancel_attempts{{tasks.begin() + static_cast<std::ptrdiff_t>(first), tasks.begin() + static_cast<std::ptrdiff_t>(last)}});
  }
}

void scheduler_shell::fail_all(errc code, const std::string& text) {
  const auto jobs = std::exchange(jobs_, {});
  for (const auto& [id, job] : jobs)
    job->fail({}, error(code, fmt::format("Job {} {} ({})", id, text, job->title())));
}

void scheduler_shell::feed(sched::event what) {
  queue(std::move(what));
  run();
}

void scheduler_shell::queue(sched::event what) {
  if (!broken_)
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
    if (const auto* done = std::get_if<sched::task_succeeded>(&event)) {
      results_.erase(done->task.value);
      contributed_.erase(done->task.value);
    }
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
  const auto faults = std::exchange(at->second.faults, {});
  for (std::size_t first = 0; first < faults.size(); first += run_tasks::faults_max) {
    const auto last = std::min(faults.size(), first + run_tasks::faults_max);
    tell(self_, at->second.port,
         run_tasks{{}, {faults.begin() + static_cast<std::ptrdiff_t>(first), faults.begin() + static_cast<std::ptrdiff_t>(last)}});
  }
  const auto tasks = std::exchange(at->second.outbox, {});
  for (std::size_t first = 0; first < tasks.size(); first += run_tasks::tasks_max) {
    const auto last = std::min(tasks.size(), first + run_tasks::tasks_max);
    tell(self_, at->second.port,
         run_tasks{{tasks.begin() + static_cast<std::ptrdiff_t>(first), tasks.begin() + static_cast<std::ptrdiff_t>(last)}});
  }
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
