#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/failure_text.hpp>

#include <algorithm>

namespace salamander::scheduler {

void driver_scheduler::impl::on(const outputs_found& e) {
  outputs_.declare(e.shuffle, e.partitions, e.made_from);
  for (const auto partition : e.counted)
    counted_.first_of(e.shuffle, partition);
  for (const auto& [partition, fingerprint] : e.found) {
    if (outputs_.add(e.shuffle, partition, kept_files, task_id{}, fingerprint) != map_output_table::outcome::refused)
      outputs_.keep(e.shuffle, partition);
  }
}

void driver_scheduler::impl::on(const cached_found& e) {
  for (const auto partition : e.counted)
    counted_.first_of(e.dataset, partition);
  if (!e.found.empty() && !cache_.knows(e.dataset))
    cache_.declare(e.dataset, e.made_from);
  for (const auto partition : e.found)
    cache_.add({e.dataset, partition}, kept_files);
}

void driver_scheduler::impl::on(const executor_joined& e) {
  const auto slots = e.cores / std::max<std::uint32_t>(1, options_.task_cpus);
  if (!executors_.add(e.executor, slots, e.host)) {
    note(notice::level::warning, name_of(e.executor) + " joined a second time; ignored");
    return;
  }
  exhausted_.reset();
  freed_.push_back(e.executor);
  for (auto& [id, one] : departures_)
    one.retry_at.reset(); // somebody to take what had no place
  if (slots == 0)
    note(notice::level::warning, name_of(e.executor) + " has " + counted(e.cores, "core") + ", and a task takes " +
                                     std::to_string(options_.task_cpus) + " (salamander.task.cpus): it gets no tasks");
  if (executors_.all().size() == 2) // now there is somewhere else to run slow tasks
    for (const auto& [id, s] : graph_.all())
      if (s->current && s->current->slow_ones_wanted())
        watch(*s);
}

void driver_scheduler::impl::on(const executor_suspected& e) {
  auto* found = executors_.find(e.executor);
  if (!found || found->suspect)
    return;
  found->suspect = true;
  offer_all_ = true; // what waits for a better executor may have none now
  copy_tasks_of_suspects([&](const running_attempt& attempt) { return attempt.executor == e.executor; });
}

void driver_scheduler::impl::on(const executor_recovered& e) {
  if (auto* found = executors_.find(e.executor)) {
    found->suspect = false;
    withdraw_wishes(e.executor);
    freed_.push_back(e.executor);
    for (auto& [id, one] : departures_)
      one.retry_at.reset();
  }
}

void driver_scheduler::impl::on(const executor_lost& e) {
  const auto* gone = executors_.find(e.executor);
  if (!gone)
    return;
  const auto cores = gone->cores;
  const bool own_doing = gone->ending; // killed by this scheduler, and by none of its tasks
  const bool released = gone->leaving && gone->ending;
  end_departure(e.executor);
  executors_.remove(e.executor);
  application_exclusion_.forget(e.executor);
  offer_all_ = true; // what waits for a better executor may have none now
  const auto outputs = core::planted(core::defect::lost_outputs_stay) ? decltype(outputs_.remove_executor(e.executor))()
                                                                      : outputs_.remove_executor(e.executor);
  const auto blocks = core::planted(core::defect::dead_executor_preferred) ? 0 : cache_.remove_executor(e.executor);
  std::vector<std::pair<task_id, running_attempt>> attempts;
  for (const auto& [task, attempt] : attempts_)
    if (attempt.executor == e.executor)
      attempts.emplace_back(task, attempt);
  std::sort(attempts.begin(), attempts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t lost_outputs = 0;
  for (const auto& [shuffle, partitions] : outputs)
    lost_outputs += partitions.size();
  if (released && attempts.empty() && lost_outputs == 0 && blocks == 0)
    note(notice::level::info, name_of(e.executor) + " has left");
  else
    note(notice::level::warning, name_of(e.executor) + " is lost (" + e.reason + "), with " + counted(attempts.size(), "running task") +
                                     ", " + counted(lost_outputs, "map output") + " and " + counted(blocks, "cached block"));
  for (const auto& [id, s] : graph_.all()) {
    if (s->current)
      s->current->forget_executor(e.executor);
    for (const auto& zombie : s->zombies)
      zombie->forget_executor(e.executor);
  }
  const auto aborted = attempts_lost(e, cores, own_doing, attempts);
  for (const auto& [shuffle, partitions] : outputs)
    for (const auto p : partitions)
      map_output_lost(shuffle, p);
  inputs_shrank();
  for (const auto& [id, why] : aborted)
    if (auto* s = graph_.find(id))
      abort(*s, why);
}

std::vector<std::pair<stage_id, job_failure>>
driver_scheduler::impl::attempts_lost(const executor_lost& e, std::uint32_t cores, bool own_doing,
                                      const std::vector<std::pair<task_id, running_attempt>>& attempts) {
  std::unordered_map<task_id, const std::string*, core::id_hash> positions;
  if (e.positions && !own_doing)
    for (const auto& [task, text] : *e.positions)
      positions.emplace(task, &text);
  std::vector<std::pair<stage_id, job_failure>> aborted;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const auto& [task, attempt] = attempts[i];
    attempts_.erase(task);
    if (attempt.pool)
      --attempt.pool->running;
    fenced_.erase(task);
    if (attempt.cancelled)
      SALAMANDER_PROBE("cancelled attempt lost with its executor");
    auto* of = attempt.cancelled ? nullptr : graph_.find(attempt.stage);
    auto* tasks = of ? of->set_of(attempt.stage_attempt) : nullptr;
    if (!tasks)
      continue;
    tasks->ended(e.executor);
    for_jobs(*of, [](job& user) { ++user.counts.tasks_lost; });
    // Where nobody knows what was running: of the tasks sent ahead of free cores, the oldest.
    const auto position = positions.find(task);
    const bool suspicious = e.positions || own_doing ? position != positions.end() : i < cores;
    if (suspicious) {
      const bool placed = position != positions.end() && !position->second->empty();
      const auto how = name_of(e.executor) + " " + e.reason + (placed ? " while running " + *position->second : "");
      auto& trouble = of->troubles[attempt.index];
      ++trouble.executors_ended;
      remember(*of, attempt, how);
      if (trouble.executors_ended >= 2 && too_many_failures(*of, attempt.index)) {
        SALAMANDER_PROBE("task given up that ends executors");
        const auto text = "ended " + counted(trouble.executors_ended, "executor") + ", last: " + how;
        aborted.emplace_back(of->id, failure_of(*of, attempt.index, errc::executor_lost, text));
      }
    }
    if (of->barrier)
      gang_restarts_.try_emplace(of->id, name_of(e.executor) + " " + e.reason);
    if (!core::planted(core::defect::lost_task_forgotten))
      attempt_ended_without_success(*of, attempt);
  }
  return aborted;
}

// Map outputs or cached blocks are gone. Stages that are running or wanted look at their parents again.
void driver_scheduler::impl::inputs_shrank() {
  std::vector<stage*> waiting;
  for (const auto& [id, s] : graph_.all()) {
    recheck_inputs(*s);
    if (s->phase == stage::phase_kind::waiting)
      waiting.push_back(s.get());
  }
  for (auto* s : waiting)
    ensure(*s);
}

void driver_scheduler::impl::on(const block_dropped& e) {
  if (e.executor != kept_files && !executors_.find(e.executor))
    return;
  const auto before = cache_.partitions(e.block.dataset);
  cache_.remove(e.block, e.executor);
  if (cache_.partitions(e.block.dataset) == before)
    return;
  // Only a dataset that was complete hid its parents.
  const auto was_complete = [&](const core::lineage* d) { return d->id == e.block.dataset && d->partitions == before; };
  const auto& stages = graph_.all();
  if (std::any_of(stages.begin(), stages.end(), [&](const auto& entry) {
        const auto& cached = entry.second->cached;
        return std::any_of(cached.begin(), cached.end(), was_complete);
      }))
    inputs_shrank();
}

void driver_scheduler::impl::on(const dataset_unpersisted& e) {
  if (cache_.partitions(e.dataset) == 0)
    return;
  cache_.remove_dataset(e.dataset);
  inputs_shrank();
}

// A job that uses a shuffle keeps its lineage alive, so the release of a shuffle in use is the user's doing, and means that it
// has to be computed again.
void driver_scheduler::impl::on(const shuffle_released& e) {
  if (!graph_.of_shuffle(e.shuffle)) {
    outputs_.release(e.shuffle);
    counted_.forget(e.shuffle);
    found_indeterminate_.erase(e.shuffle);
    return;
  }
  const auto partitions = static_cast<std::uint32_t>(outputs_.locations(e.shuffle).size());
  outputs_.remove_all(e.shuffle);
  for (std::uint32_t p = 0; p < partitions; ++p)
    map_output_lost(e.shuffle, p);
  inputs_shrank();
}

// A shell with a single timer has spent it, so what is still waited for is asked for again.
void driver_scheduler::impl::on(const tick&) {
  wake_.reset();
  offer_all_ = true;
}

} // namespace salamander::scheduler
