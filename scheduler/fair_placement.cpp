#include <salamander/scheduler/driver_impl.hpp>

#include <algorithm>

namespace salamander::scheduler {

pool_table::pool& driver_scheduler::impl::pool_of(const stage& s) {
  return pools_.of(jobs_.at(*s.jobs.begin()).pool);
}

// The stage that gets the next core: of the pool that goes first, and in it the oldest, or in a fair pool the one with the fewest
// tasks running. Looks at all stages that wait for each task: in exchange shares are right after every single launch, where Spark
// hands out all that is free to one of them.
stage* driver_scheduler::impl::next_by_share(const std::unordered_set<stage_id, core::id_hash>& stuck) {
  stage* best = nullptr;
  pool_table::pool* best_pool = nullptr;
  for (auto it = queue_.begin(); it != queue_.end();) {
    auto& s = *graph_.find((it++)->second);
    if (!s.has_something_to_launch()) {
      unmark_ready(s);
      continue;
    }
    if (stuck.contains(s.id))
      continue;
    auto& pool = pool_of(s);
    // Of one pool the first in the queue is the oldest.
    const bool better = !best                ? true
                        : &pool == best_pool ? pool.options.fair && s.current->running() < best->current->running()
                                             : pool_table::goes_first(pool, *best_pool);
    if (better) {
      best = &s;
      best_pool = &pool;
    }
  }
  return best;
}

// One task to the executor that has the most room among those that may take it; one that holds the task's data before all others.
bool driver_scheduler::impl::launch_somewhere(stage& s, std::vector<executor*>& candidates) {
  std::vector<std::pair<std::uint32_t, executor*>> by_room;
  for (auto* at : candidates)
    if (const auto free = room(*at, *s.current); free > 0 && !is_excluded(s, *at))
      by_room.emplace_back(free, at);
  std::stable_sort(by_room.begin(), by_room.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  const auto try_all = [&](auto&& launch) { return std::any_of(by_room.begin(), by_room.end(), launch); };
  if (s.current->relaxation(options_.locality_wait) &&
      try_all([&](const auto& one) { return launch_one(s, *one.second, task_set::choice::local); }))
    return true;
  if (try_all([&](const auto& one) { return launch_one(s, *one.second, task_set::choice::any); }))
    return true;
  if (s.has_copies_to_launch() &&
      try_all([&](const auto& one) { return one.second->running < one.second->cores && launch_copy(s, *one.second); }))
    return true;
  if (!by_room.empty())
    wait_for_locality(s);
  return false;
}

void driver_scheduler::impl::offer_by_share() {
  std::vector<executor*> candidates;
  if (offer_all_) {
    for (auto& [id, at] : executors_.all())
      if (at.takes_tasks())
        candidates.push_back(&at);
  } else {
    for (const auto id : freed_)
      if (auto* at = executors_.find(id); at && at->takes_tasks())
        candidates.push_back(at);
  }
  std::unordered_set<stage_id, core::id_hash> stuck;
  while (auto* s = candidates.empty() ? nullptr : next_by_share(stuck)) {
    const auto turn = s->barrier ? std::optional(offer_gang(*s)) : std::nullopt;
    if (turn == gang_turn::waits)
      return;
    if (turn ? turn == gang_turn::hopeless : !launch_somewhere(*s, candidates))
      stuck.insert(s->id);
  }
}

} // namespace salamander::scheduler
