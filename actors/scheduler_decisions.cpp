#include <salamander/actors/scheduler_shell.hpp>

#include <salamander/rdd/accumulator.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace salamander::actors {
namespace {

namespace sched = scheduler;

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

} // namespace

void scheduler_shell::perform(const sched::action& what) {
  std::visit([this](const auto& action) { perform_one(action); }, what);
}

void scheduler_shell::perform_one(const sched::launch_tasks& what) {
  const auto at = executors_.find(what.executor.value);
  const auto not_sent = [&] {
    for (const auto& task : what.tasks)
      leave_gang(task.task.value, false);
  };
  if (at == executors_.end())
    return not_sent(); // its loss is on the way to the state machine
  try {
    announce(what, at->second);
  } catch (const error& failure) {
    not_sent();
    for (const auto& task : what.tasks)
      queue(sched::task_failed{task.task, what.executor, sched::user_error{failure.what(), static_cast<std::uint8_t>(failure.code())}});
    return;
  } catch (const std::exception& failure) {
    not_sent();
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
  if (setup_.faults)
    std::ranges::move(setup_.faults->launching(what), std::back_inserter(at->second.faults));
}

void scheduler_shell::announce(const sched::launch_tasks& what, executor_entry& executor) {
  auto& stage = stages_[what.stage.value];
  if (stage.attempt != what.stage_attempt)
    stage = {what.stage_attempt, nullptr, false, {}, {}};
  if (!stage.plan) {
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
  add_kept(what, message.order);
  message.order.peers = peers_of(what.executor.value);
  message.order.gang = stage.gang;
  if (const auto users = machine_.jobs_of(what.stage); !users.empty())
    if (const auto first = jobs_.find(users.front().value); first != jobs_.end())
      message.order.properties = first->second->spec().properties;
  // Within the process nothing is sent as bytes, and there are no driver blocks.
  if (setup_.driver_blocks && message.wire_bytes() > control_message_bytes_max)
    core::throw_error(
        errc::invalid_argument,
        fmt::format("what tasks of stage {} are told of map partitions, cached blocks and each other takes {} bytes, more than one "
                    "message may have ({}); use fewer partitions",
                    what.stage.value, message.wire_bytes(), control_message_bytes_max));
  flush(what.executor.value);
  tell(self_, executor.port, std::move(message));
  stage.told.insert(what.executor.value);
}

void scheduler_shell::add_kept(const sched::launch_tasks& what, stage_order& order) const {
  if (kept_shuffles_.empty() && kept_datasets_.empty())
    return;
  const auto program = machine_.program_of(what.stage);
  if (program.map_child) {
    const auto place = kept_shuffles_.find(program.map_child->dependencies[program.map_dependency].shuffle.value);
    if (place != kept_shuffles_.end())
      order.keep_output_in = place->second;
  }
  for (auto& source : order.shuffles)
    if (std::ranges::find(source.executors, kept_peer) != source.executors.end())
      if (const auto place = kept_shuffles_.find(source.shuffle); place != kept_shuffles_.end())
        source.kept_in = place->second;
  for (const auto* dataset : sched::walk_pipeline(program.dataset, [](const core::lineage&) { return false; }).cached)
    if (const auto place = kept_datasets_.find(dataset->id.value); place != kept_datasets_.end())
      order.kept_datasets.push_back(*place);
}

/// The ones after it, round the table: with many executors each is known to some, and none to all.
std::vector<std::uint32_t> scheduler_shell::peers_of(std::uint32_t executor) const {
  constexpr std::size_t peers_max = 32;
  std::vector<std::uint32_t> peers;
  auto next = executors_.upper_bound(executor);
  while (peers.size() < std::min(peers_max, executors_.size() - 1)) {
    if (next == executors_.end())
      next = executors_.begin();
    else
      peers.push_back((next++)->first);
  }
  return peers;
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
  std::vector<std::uint64_t> tasks;
  tasks.reserve(what.tasks.size());
  for (const auto task : what.tasks)
    tasks.push_back(task.value);
  cancel_on(at->second, tasks);
}

void scheduler_shell::perform_one(const sched::count_contributions& what) {
  const auto added = contributed_.find(what.task.value);
  if (added == contributed_.end())
    return;
  using kind = counted_contribution::kind;
  note_counted(what.jobs, {what.map_of ? kind::map : kind::result, what.map_of ? what.map_of->value : 0, what.partition, added->second});
  merge(std::move(added->second), what.jobs);
}

void scheduler_shell::count_cached_ones(std::vector<cached_contribution>&& added) {
  for (auto& one : added) {
    if (!machine_.counts({{one.dataset}, one.partition}))
      continue;
    const auto attempt = attempts_.find(one.task);
    const auto jobs = attempt == attempts_.end() ? std::vector<sched::job_id>() : machine_.jobs_of({attempt->second.stage});
    note_counted(jobs, {counted_contribution::kind::cached, one.dataset, one.partition, one.values});
    merge(std::move(one.values), jobs);
  }
}

void scheduler_shell::note_counted(const std::vector<sched::job_id>& jobs, const counted_contribution& what) {
  if (!kept_jobs_.empty())
    for (const auto job : jobs)
      if (const auto kept = kept_jobs_.find(job.value); kept != kept_jobs_.end())
        kept->second.counted.push_back(what);
}

void scheduler_shell::perform_one(const sched::contents_changed&) {
  if (setup_.contents_changed)
    setup_.contents_changed();
}

void scheduler_shell::merge(contributed_values&& values, const std::vector<sched::job_id>& jobs) {
  for (auto& [accumulator, value] : values)
    try {
      core::merge_contribution(accumulator, std::move(value));
    } catch (const error& failure) {
      for (const auto job : jobs)
        if (jobs_.contains(job.value) && merge_failures_.emplace(job.value, failure).second)
          queue(sched::job_cancelled{job, failure.what()});
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
  if (setup_.log)
    setup_.log(sched::notice::level::warning, fmt::format("executor {} is ended: {}", what.executor.value, what.reason));
  if (setup_.kill)
    setup_.kill(what.executor.value, what.reason);
}

void scheduler_shell::perform_one(const sched::discard_result& what) {
  results_.erase(what.task.value);
  const auto at = executors_.find(what.executor.value);
  if (at == executors_.end())
    return;
  if (what.map_output)
    tell(self_, at->second.port, drop_result{what.task.value, what.map_output->first.value, what.map_output->second});
  else if (setup_.fetcher)
    tell(self_, at->second.port, drop_result{what.task.value});
}

void scheduler_shell::perform_one(const sched::finish_job& what) {
  const auto at = jobs_.find(what.job.value);
  if (at == jobs_.end())
    return;
  if (merge_failures_.contains(what.job.value))
    return perform_one(sched::fail_job{what.job, {}, what.counts});
  const auto job = std::move(at->second);
  jobs_.erase(at);
  auto counts = to_report(what.counts);
  counts.succeeded = true;
  if (setup_.faults)
    setup_.faults->job_ended(job->number(), job->title(), counts);
  const auto end = [job, counts = std::move(counts)] { job->finish(counts); };
  if (auto kept = kept_jobs_.extract(what.job.value); kept && setup_.keep_results)
    setup_.keep_results(std::move(kept.mapped().file), job->results_so_far(), std::move(kept.mapped().counted), end);
  else
    end();
}

void scheduler_shell::perform_one(const sched::fail_job& what) {
  const auto at = jobs_.find(what.job.value);
  if (at == jobs_.end())
    return;
  const auto job = std::move(at->second);
  jobs_.erase(at);
  kept_jobs_.erase(what.job.value);
  std::vector<attempt_failure> attempts;
  for (const auto& attempt : what.why.attempts)
    attempts.push_back({attempt.stage.value, attempt.partition, attempt.number,
                        attempt.executor == sched::no_executor ? "none" : std::to_string(attempt.executor.value), attempt.reason});
  if (setup_.faults)
    setup_.faults->job_ended(job->number(), job->title(), to_report(what.counts));
  const auto failed_merge = merge_failures_.extract(what.job.value);
  const auto code = failed_merge ? failed_merge.mapped().code() : static_cast<errc>(what.why.code);
  const std::string text = failed_merge ? failed_merge.mapped().what() : what.why.text;
  job->fail(to_report(what.counts), error(code, fmt::format("Job {} ({}): {}", job->number(), job->title(), text), std::move(attempts)));
}

void scheduler_shell::perform_one(const sched::forget_stage& what) {
  stages_.erase(what.stage.value);
  for (auto& [id, executor] : executors_) {
    flush(id);
    tell(self_, executor.port, actors::forget_stage{what.stage.value});
  }
}

// Whoever waits for longer asks again then.
void scheduler_shell::perform_one(const sched::wake_at& what) {
  if (next_wake_ && *next_wake_ <= what.when)
    return;
  next_wake_ = what.when;
  const auto time = now(self_);
  remind(self_, what.when > time ? what.when - time : sched::duration::zero(), wake{});
}

void scheduler_shell::perform_one(const sched::stage_started& what) {
  if (setup_.faults)
    setup_.faults->stage_started(what, !machine_.inputs_of(what.stage).shuffles.empty());
  setup_.progress->stage_started({what.stage.value, what.attempt, what.title, 0, 0, what.tasks, now(self_)});
}

void scheduler_shell::perform_one(const sched::stage_finished& what) {
  setup_.progress->stage_ended(what.stage.value);
}

void scheduler_shell::perform_one(const sched::take_over& what) {
  const auto at = executors_.find(what.executor.value);
  if (at == executors_.end())
    return; // its loss is on the way to the state machine
  take_blocks order{what.from.value, {}};
  for (const auto& one : what.blocks) {
    order.blocks.push_back({one.move, one.is_map_output, one.owner, one.partition, one.made_by.value});
    if (order.blocks.size() == take_blocks::blocks_max)
      tell(self_, at->second.port, take_blocks{what.from.value, std::exchange(order.blocks, {})});
  }
  if (!order.blocks.empty())
    tell(self_, at->second.port, std::move(order));
}

// Whoever is sent a task of it next is told of its inputs again, and before the task.
void scheduler_shell::perform_one(const sched::renew_inputs& what) {
  if (const auto at = stages_.find(what.stage.value); at != stages_.end())
    at->second.told.clear();
}

void scheduler_shell::perform_one(const sched::release_executor& what) {
  const auto at = executors_.find(what.executor.value);
  if (at == executors_.end())
    return;
  if (setup_.log)
    setup_.log(sched::notice::level::info, fmt::format("executor {} is released: {}", what.executor.value, what.reason));
  tell(self_, at->second.port, leave{what.reason});
  if (setup_.release)
    setup_.release(what.executor.value, what.reason);
}

void scheduler_shell::perform_one(const sched::executor_stays& what) {
  if (allocation_)
    allocation_->stays(what.executor);
}

void scheduler_shell::perform_one(const sched::notice& what) {
  if (setup_.log)
    setup_.log(what.how, what.text);
}

} // namespace salamander::actors
