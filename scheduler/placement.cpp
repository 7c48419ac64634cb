#include <salamander/scheduler/driver_impl.hpp>

#include <queue>

namespace salamander::scheduler {

void driver_scheduler::impl::mark_ready(stage& s) {
  const auto place = std::pair{*s.jobs.begin(), s.id};
  offer_all_ = true;
  if (s.place_in_queue == place)
    return;
  unmark_ready(s);
  queue_.insert(place);
  s.place_in_queue = place;
}

void driver_scheduler::impl::unmark_ready(stage& s) {
  if (s.place_in_queue)
    queue_.erase(*s.place_in_queue);
  s.place_in_queue.reset();
}

void driver_scheduler::impl::wake(time_point when) {
  if (wake_ && *wake_ <= when)
    return;
  wake_ = when;
  act(wake_at{when});
}

void driver_scheduler::impl::wait_for_locality(const stage& s) {
  if (const auto when = s.current->relaxation(options_.locality_wait))
    wake(*when);
}

// An executor that is to hold more tasks than cores is filled up when half of the extra ones are done, so that they travel many
// in a message. It holds no extra tasks next to those of another stage, which may be long.
std::uint32_t driver_scheduler::impl::room(const executor& at, const task_set& tasks) const {
  const auto free = at.running < at.cores ? at.cores - at.running : 0;
  const auto extra = at.cores * tasks.lookahead(options_.lookahead_tasks_max, executors_.total_cores());
  if (extra == 0 || at.running > at.cores + extra / 2 || tasks.running_on(at.id) != at.running)
    return free;
  return at.cores + extra - at.running;
}

bool driver_scheduler::impl::launch_one(stage& s, executor& at, task_set::choice choice) {
  auto& tasks = *s.current;
  const auto index = tasks.take(at.id, now_, options_.locality_wait, choice);
  if (!index)
    return false;
  const task_id task{next_task_++};
  const auto number = tasks.task_attempt(*index);
  attempts_.emplace(task, running_attempt{s.id, tasks.attempt(), *index, number, at.id, false});
  ++at.running;
  const auto trouble = s.troubles.empty() ? s.troubles.end() : s.troubles.find(*index);
  const bool careful = trouble != s.troubles.end() && trouble->second.executors_ended > 0;
  const auto [it, fresh] = launch_of_.try_emplace({at.id, s.id}, launches_.size());
  if (fresh)
    launches_.push_back({at.id, s.id, tasks.attempt(), {}});
  launches_[it->second].tasks.push_back({task, s.partition_of(*index), number, careful});
  return true;
}

void driver_scheduler::impl::place() {
  if (!queue_.empty()) {
    if (offer_all_)
      offer_all();
    else
      for (const auto id : freed_)
        if (auto* to = executors_.find(id))
          offer(*to);
    for (auto& launch : launches_)
      act(std::move(launch));
    launches_.clear();
    launch_of_.clear();
  }
  freed_.clear();
  offer_all_ = false;
}

// The next stage in the queue that has something to launch; those that have not leave the queue.
stage* driver_scheduler::impl::next_in_queue(std::set<std::pair<job_id, stage_id>>::iterator& it) {
  while (it != queue_.end()) {
    auto& s = *graph_.find(it->second);
    ++it;
    if (s.current && s.current->pending() > 0)
      return &s;
    unmark_ready(s);
  }
  return nullptr;
}

// One executor has something free. When the first stage in the queue finds no room there, no other may overtake it.
void driver_scheduler::impl::offer(executor& to) {
  auto it = queue_.begin();
  while (auto* s = to.suspect ? nullptr : next_in_queue(it)) {
    auto free = room(to, *s->current);
    if (free == 0)
      return;
    while (free > 0 && launch_one(*s, to, task_set::choice::any))
      --free;
    if (to.running < to.cores)
      wait_for_locality(*s);
  }
}

void driver_scheduler::impl::offer_all() {
  auto it = queue_.begin();
  while (auto* s = next_in_queue(it)) {
    std::vector<executor*> candidates;
    for (auto& [id, at] : executors_.all())
      if (!at.suspect && room(at, *s->current) > 0)
        candidates.push_back(&at);
    if (candidates.empty())
      return;
    if (s->current->relaxation(options_.locality_wait))
      offer_stage(*s, candidates, task_set::choice::local);
    offer_stage(*s, candidates, task_set::choice::any);
    for (const auto* at : candidates)
      if (at->running < at->cores)
        wait_for_locality(*s);
  }
}

// The executor with the most room takes the next task, so that they fill up evenly.
void driver_scheduler::impl::offer_stage(stage& s, const std::vector<executor*>& candidates, task_set::choice choice) {
  struct offered {
    std::uint32_t room;
    executor* at;
    bool operator<(const offered& other) const {
      return room != other.room ? room < other.room : at->id > other.at->id;
    }
  };
  std::priority_queue<offered> by_room;
  for (auto* at : candidates)
    if (const auto free = room(*at, *s.current); free > 0)
      by_room.push({free, at});
  while (!by_room.empty() && s.current->pending() > 0) {
    const auto [free, at] = by_room.top();
    by_room.pop();
    if (launch_one(s, *at, choice) && free > 1)
      by_room.push({free - 1, at});
  }
}

} // namespace salamander::scheduler
