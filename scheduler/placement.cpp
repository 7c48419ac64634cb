#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/failure_text.hpp>

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
  const bool shared = options_.fair && queue_.size() > 1; // nothing is sent ahead of a core that others have a right to
  if (extra == 0 || shared || at.running > at.cores + extra / 2 || tasks.running_on(at.id) != at.running)
    return free;
  return at.cores + extra - at.running;
}

bool driver_scheduler::impl::launch_one(stage& s, executor& at, task_set::choice choice) {
  // What failed once should fail again soon rather than late.
  auto index = s.current->has_chosen() && choice == task_set::choice::any ? take_chosen(s, at) : std::nullopt;
  if (!index)
    index = s.current->take(at.id, now_, options_.locality_wait, choice);
  if (!index)
    return false;
  send(s, at, *index);
  return true;
}

task_id driver_scheduler::impl::send(stage& s, executor& at, std::uint32_t index) {
  const task_id task{next_task_++};
  if (s.current->pending() == 0)
    s.forget_that_it_was_unschedulable();
  const auto attempt = s.current->attempt();
  const auto number = s.current->task_attempt(index);
  attempts_.emplace(task, running_attempt{task, s.id, attempt, index, number, at.id, false, now_, nullptr});
  ++at.running;
  if (options_.fair) {
    auto& pool = pool_of(s);
    attempts_.at(task).pool = &pool;
    ++pool.running;
  }
  const auto trouble = s.troubles.empty() ? s.troubles.end() : s.troubles.find(index);
  const bool careful = trouble != s.troubles.end() && trouble->second.executors_ended > 0;
  const auto known =
      at.last_launch < launches_.size() && launches_[at.last_launch].executor == at.id && launches_[at.last_launch].stage == s.id;
  if (!known) {
    at.last_launch = launches_.size();
    launches_.push_back({at.id, s.id, attempt, {}});
  }
  launches_[at.last_launch].tasks.push_back({task, s.partition_of(index), number, careful});
  return task;
}

void driver_scheduler::impl::launch_copies(stage& s, const std::vector<executor*>& candidates) {
  for (auto* at : candidates)
    while (at->running < at->cores && s.has_copies_to_launch() && !is_excluded(s, *at) && launch_copy(s, *at)) {
    }
}

void driver_scheduler::impl::place() {
  if (strict())
    abort_unschedulable();
  offer_all_ |= !gangs_.empty(); // what one event frees may complete what others have freed
  if (!queue_.empty()) {
    if (options_.fair)
      offer_by_share();
    else if (offer_all_)
      offer_all();
    else
      for (const auto id : freed_)
        if (auto* to = executors_.find(id))
          offer(*to);
    for (auto& launch : launches_)
      act(std::move(launch));
    launches_.clear();
    if (strict())
      check_schedulable();
  }
  warn_of_starvation();
  freed_.clear();
  offer_all_ = false;
}

void driver_scheduler::impl::warn_of_starvation() {
  if (queue_.empty() || !attempts_.empty()) {
    starving_since_.reset();
    return;
  }
  if (!starving_since_)
    starving_since_ = now_;
  if (now_ - *starving_since_ >= options_.starvation_warning) {
    starving_since_ = now_;
    note(notice::level::warning,
         std::string(next_task_ == 1 ? "Initial job has not accepted any resources" : "No task has run for a while, though some wait") +
             "; check that executors are registered and have sufficient resources (" + counted(executors_.all().size(), "executor") + ", " +
             counted(executors_.total_cores(), "core") + ")");
    SALAMANDER_PROBE("starvation warned of");
  }
  wake(*starving_since_ + options_.starvation_warning);
}

// The next stage in the queue that has something to launch; those that have not leave the queue.
stage* driver_scheduler::impl::next_in_queue(std::set<std::pair<job_id, stage_id>>::iterator& it) {
  while (it != queue_.end()) {
    auto& s = *graph_.find(it->second);
    ++it;
    if (s.has_something_to_launch())
      return &s;
    unmark_ready(s);
  }
  return nullptr;
}

// One executor has something free. When the first stage in the queue finds no room there, no other may overtake it.
void driver_scheduler::impl::offer(executor& to) {
  auto it = queue_.begin();
  while (auto* s = to.takes_tasks() ? next_in_queue(it) : nullptr) {
    auto free = room(to, *s->current);
    if (free == 0)
      return;
    if (is_excluded(*s, to))
      continue;
    while (free > 0 && launch_one(*s, to, task_set::choice::any))
      --free;
    if (s->has_copies_to_launch())
      launch_copies(*s, {&to});
    if (to.running < to.cores)
      wait_for_locality(*s);
  }
}

void driver_scheduler::impl::offer_all() {
  auto it = queue_.begin();
  while (auto* s = next_in_queue(it)) {
    if (s->barrier) {
      if (offer_gang(*s) == gang_turn::waits)
        return;
      continue;
    }
    std::vector<executor*> candidates;
    for (auto& [id, at] : executors_.all())
      if (at.takes_tasks() && room(at, *s->current) > 0)
        candidates.push_back(&at);
    if (candidates.empty())
      return;
    std::erase_if(candidates, [&](const auto* at) { return is_excluded(*s, *at); });
    if (s->current->relaxation(options_.locality_wait))
      offer_stage(*s, candidates, task_set::choice::local);
    offer_stage(*s, candidates, task_set::choice::any);
    if (s->has_copies_to_launch())
      launch_copies(*s, candidates);
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
