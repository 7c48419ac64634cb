#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/failure_text.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <algorithm>

namespace salamander::scheduler {

// A map output was made again, and is not what it was. Reduce tasks that have read the old one and those that will read the new one
// must not both count: one record may have moved from a partition that was read to one that was not.
void driver_scheduler::impl::contents_differ(stage& made_by, std::uint32_t partition) {
  const auto attempt = made_by.title(made_by.attempts - 1);
  if (found_indeterminate_.insert(made_by.shuffle).second)
    note(notice::level::warning,
         "map partition " + std::to_string(partition) + " of " + attempt +
             " was recomputed with other contents than were read before, so that everything made from it is computed again. Some function "
             "up "
             "to " +
             made_by.dataset->title() +
             " does not give the same records in the same order for the same input: make it deterministic (seed random numbers with the "
             "partition's number, use no clock and no addresses), or save its records and read them again");
  SALAMANDER_PROBE("map output recomputed with other contents");
  act(contents_changed{made_by.shuffle});
  roll_back_consumers(made_by.id, "map partition " + std::to_string(partition) + " of " + attempt);
}

// Stages that declare themselves indeterminate are not run again in part, and whoever has read them starts over before they run.
void driver_scheduler::impl::roll_back_due() {
  while (!roll_back_due_.empty()) {
    const auto id = *roll_back_due_.begin();
    roll_back_due_.erase(roll_back_due_.begin());
    auto* made_by = graph_.find(id);
    if (!made_by || !outputs_.was_read(made_by->shuffle))
      continue;
    const auto lost = static_cast<std::uint32_t>(outputs_.remove_all(made_by->shuffle));
    for_jobs(*made_by, [&](job& user) { user.counts.tasks_resubmitted += lost; });
    SALAMANDER_PROBE("stage declared indeterminate rolled back");
    roll_back_consumers(id, made_by->title(made_by->attempts) + ", which is declared indeterminate,");
  }
}

std::vector<stage*> driver_scheduler::impl::consumers_of(const stage& changed) const {
  std::set<stage_id> seen;
  std::vector<stage*> found;
  std::vector<const stage*> open{&changed};
  while (!open.empty()) {
    const auto* at = open.back();
    open.pop_back();
    for (auto* child : at->children)
      if (seen.insert(child->id).second) {
        found.push_back(child);
        open.push_back(child);
      }
  }
  std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  if (core::planted(core::defect::rollback_forgets_a_consumer) && found.size() > 1)
    found.pop_back();
  return found;
}

// A job that has to fail may be the last one that knows the consumers. What they stored outlives it, and must not be used again.
void driver_scheduler::impl::roll_back_consumers(stage_id changed, const std::string& why) {
  const auto shuffle = graph_.find(changed)->shuffle;
  const auto users = graph_.find(changed)->jobs;
  const auto made = outputs_.made_from(shuffle);
  std::set<shuffle_id> old(made.begin(), made.end());
  old.insert(shuffle);
  const auto readers = consumers_of(*graph_.find(changed));
  drop_caches(readers, old);
  for (const auto* reader : readers)
    fence(*reader, old);
  fail_if_done_for_good(readers, why);
  for (const auto one : old) {
    outputs_.forget_readers(one);
    if (one != shuffle && !graph_.of_shuffle(one))
      outputs_.remove_all(one); // no job needs it now; one that does will make it again
  }
  first_task_after_rollback_ = task_id{next_task_};
  if (const auto* made_by = graph_.find(changed))
    for (auto* consumer : consumers_of(*made_by))
      undo(*consumer, why + " was recomputed");
  for (const auto id : users)
    if (const auto user = jobs_.find(id); user != jobs_.end() && !held_.contains(id))
      ensure(*user->second.stages.back());
  inputs_shrank();
}

// Results are held until their job ends, and files get their names then, so that what a job has computed can be taken back where
// Spark has to give up. What an action has done to the outside world cannot.
void driver_scheduler::impl::fail_if_done_for_good(const std::vector<stage*>& consumers, const std::string& why) {
  std::vector<std::pair<job_id, std::string>> hopeless;
  for (const auto* consumer : consumers) {
    if (consumer->is_map())
      continue;
    const auto& owner = jobs_.at(consumer->owner);
    const auto done = owner.delivered.size() - owner.remaining;
    if (owner.repeatable || done == 0)
      continue;
    hopeless.emplace_back(owner.id, why + " was recomputed with other contents, after " + counted(done, "task") + " of " +
                                        consumer->title(consumer->attempts - 1) +
                                        " had read the old ones and had its effects. What an action does to the outside world cannot be "
                                        "undone, so the scheduler cannot roll back this stage and has to fail its job. Make the function "
                                        "deterministic, or save the records before the shuffle and read them again");
  }
  for (auto& [id, text] : hopeless) {
    SALAMANDER_PROBE("job failed as its effects cannot be rolled back");
    fail(id, {static_cast<std::uint8_t>(errc::stage_aborted), std::move(text), {}});
  }
}

void driver_scheduler::impl::undo(stage& consumer, const std::string& why) {
  const bool started = consumer.attempts > 0;
  const auto undone = take_back(consumer, why);
  for_jobs(consumer, [&](job& user) {
    user.counts.tasks_resubmitted += undone;
    user.counts.stages_rolled_back += started || undone > 0 ? 1 : 0;
  });
  if (started)
    SALAMANDER_PROBE("stage rolled back");
}

std::uint32_t driver_scheduler::impl::take_back(stage& consumer, const std::string& why) {
  unmark_ready(consumer);
  unwatch(consumer);
  if (consumer.phase == stage::phase_kind::running)
    act(stage_finished{consumer.id, consumer.attempts - 1, true});
  if (core::planted(core::defect::late_result_accepted)) {
    consumer.retire_current();
  } else {
    cancel_attempts_of(consumer, why);
    consumer.current.reset();
    consumer.zombies.clear();
  }
  consumer.copies = {};
  consumer.exclusions.reset();
  consumer.forget_that_it_was_unschedulable();
  consumer.inputs_changed = false;
  consumer.resubmit_at.reset();
  resubmissions_.erase(consumer.id);
  consumer.phase = stage::phase_kind::idle;
  if (consumer.is_map())
    return static_cast<std::uint32_t>(outputs_.remove_all(consumer.shuffle));
  auto& owner = jobs_.at(consumer.owner);
  withdraw_results taken_back{owner.id, {}};
  for (std::uint32_t i = 0; i < owner.delivered.size(); ++i)
    if (owner.delivered[i])
      taken_back.indices.push_back(i);
  if (core::planted(core::defect::results_not_withdrawn))
    return 0;
  const auto undone = static_cast<std::uint32_t>(taken_back.indices.size());
  owner.delivered.assign(owner.delivered.size(), false);
  owner.remaining = owner.delivered.size();
  owner.result_bytes = 0;
  if (undone > 0)
    act(std::move(taken_back));
  return undone;
}

// Cached partitions that were computed from a changed shuffle are out of date, whichever job made them. Of the consumers' own
// datasets some may be cached that were never reported, by attempts that failed.
void driver_scheduler::impl::drop_caches(const std::vector<stage*>& consumers, const std::set<shuffle_id>& changed) {
  const auto known = cache_.made_from(changed);
  std::set<rdd_id> dropped(known.begin(), known.end());
  for (const auto* consumer : consumers)
    for (const auto dataset : cached_from(*consumer, changed))
      dropped.insert(dataset);
  if (core::planted(core::defect::caches_survive_rollback))
    return;
  for (const auto dataset : dropped) {
    cache_.remove_dataset(dataset);
    act(drop_cached{dataset});
    SALAMANDER_PROBE("cached dataset dropped by a rollback");
  }
}

std::vector<rdd_id> driver_scheduler::impl::cached_from(const stage& consumer, const std::set<shuffle_id>& changed) const {
  std::vector<rdd_id> found;
  for (const auto* dataset : consumer.cached) {
    const auto sources = shuffles_behind(consumer, dataset->id);
    if (std::any_of(sources.begin(), sources.end(), [&](auto shuffle) { return changed.contains(shuffle); }))
      found.push_back(dataset->id);
  }
  return found;
}

std::vector<shuffle_id> driver_scheduler::impl::shuffles_behind(const stage& s, rdd_id dataset) const {
  const auto uncut = [](const core::lineage&) { return false; };
  std::vector<shuffle_id> found;
  for (const auto* one : s.cached)
    if (one->id == dataset) {
      // Only walked, and not kept: the stage holds the lineage.
      const std::shared_ptr<const core::lineage> alias(std::shared_ptr<void>(), one);
      for (const auto& edge : walk_pipeline(alias, uncut).wide)
        found.push_back(edge.get().shuffle);
    }
  return found;
}

// Attempts that run on until they notice may still cache what is out of date. It is dropped when they end.
void driver_scheduler::impl::fence(const stage& consumer, const std::set<shuffle_id>& changed) {
  const auto datasets = cached_from(consumer, changed);
  if (datasets.empty())
    return;
  for (const auto& [task, attempt] : attempts_)
    if (attempt.stage == consumer.id)
      fenced_[task] = datasets;
}

bool driver_scheduler::impl::was_fenced(task_id ended, executor_id executor) {
  const auto it = fenced_.find(ended);
  if (it == fenced_.end())
    return false;
  SALAMANDER_PROBE("attempt ended that may have cached what is out of date");
  const auto datasets = std::move(it->second);
  fenced_.erase(it);
  for (const auto dataset : datasets) {
    cache_.remove_dataset(dataset, executor);
    act(drop_cached{dataset, executor});
  }
  inputs_shrank();
  return true;
}

} // namespace salamander::scheduler
