#include <salamander/scheduler/barrier.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/driver_impl.hpp>
#include <salamander/scheduler/failure_text.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <algorithm>
#include <unordered_map>

namespace salamander::scheduler {
namespace {

const char* const pattern_advice =
    "All datasets of a barrier stage must have as many partitions as it has tasks, so that union_with, coalesce, first and take do not go "
    "with it, and none may be made from several barrier datasets: put a shuffle between (repartition), or collect() and take the first";

bool behind_barrier(const core::lineage& dataset, const std::unordered_map<const core::lineage*, bool>& known) {
  const auto found = known.find(&dataset);
  return found != known.end() && found->second;
}

} // namespace

// Parents first: whether a dataset is behind a barrier follows from them.
std::string barrier_refusal(const core::lineage& root, std::uint32_t tasks) {
  std::unordered_map<const core::lineage*, bool> known;
  std::vector<std::pair<const core::lineage*, bool>> stack{{&root, false}};
  while (!stack.empty()) {
    const auto [at, parents_done] = stack.back();
    stack.pop_back();
    if (known.contains(at))
      continue;
    if (!parents_done) {
      stack.emplace_back(at, true);
      for (const auto& d : at->dependencies)
        if (!d.wide())
          stack.emplace_back(d.parent.get(), false);
      continue;
    }
    if (at->partitions != tasks)
      return at->title() + " has " + counted(at->partitions, "partition") + ", and the barrier stage " + counted(tasks, "task") + ". " +
             pattern_advice;
    const auto barriers = std::count_if(at->dependencies.begin(), at->dependencies.end(),
                                        [&](const auto& d) { return !d.wide() && behind_barrier(*d.parent, known); });
    if (barriers > 1)
      return at->title() + " is made from " + counted(static_cast<std::size_t>(barriers), "barrier dataset") + ". " + pattern_advice;
    known.emplace(at, at->barrier || barriers > 0);
  }
  return {};
}

// -- before a job begins ------------------------------------------------------

namespace {

std::string refusal_of(const stage& s) {
  if (std::set(s.partitions.begin(), s.partitions.end()).size() != s.partitions.size())
    return std::string("one of its partitions is asked for twice. ") + pattern_advice;
  return barrier_refusal(*s.dataset, s.size());
}

} // namespace

bool driver_scheduler::impl::refused_barrier(job_id id) {
  for (const auto* s : jobs_.at(id).stages) {
    if (!s->barrier)
      continue;
    if (auto why = refusal_of(*s); !why.empty()) {
      fail(id, {static_cast<std::uint8_t>(errc::invalid_argument),
                s->title(s->attempts) + " is a barrier stage, and cannot be run as one: " + why,
                {}});
      return true;
    }
  }
  for (const auto* s : jobs_.at(id).stages)
    if (s->barrier)
      gangs_.insert(s->id);
  return false;
}

// Tasks that an executor runs now may end; so all its cores count, unless it gets no tasks at all.
std::uint32_t driver_scheduler::impl::slots_for(const stage& s) const {
  std::uint32_t slots = 0;
  for (const auto& [id, at] : executors_.all())
    if (at.takes_tasks() && !is_excluded(s, at))
      slots += at.cores;
  return slots;
}

/// Of a job that has not begun, or of a stage that has.
bool driver_scheduler::impl::waits_for_slots(const stage& s) const {
  if (s.current)
    return s.current->pending() > 0;
  return !s.is_map() || !outputs_.complete(s.shuffle);
}

bool driver_scheduler::impl::short_of_slots(const job& submitted) const {
  return std::any_of(submitted.stages.begin(), submitted.stages.end(),
                     [&](const auto* s) { return s->barrier && waits_for_slots(*s) && slots_for(*s) < s->size(); });
}

// A job does not begin before there are cores for each of its barrier stages: what comes before them would be computed for nothing.
// A stage that is to run again looks for itself.
void driver_scheduler::impl::check_gangs() {
  if (gangs_.empty())
    return;
  for (const auto id : std::set(gangs_))
    if (auto* s = graph_.find(id)) {
      const bool held = std::any_of(s->jobs.begin(), s->jobs.end(), [&](auto user) { return held_.contains(user); });
      if ((s->current || held) && waits_for_slots(*s) && slots_for(*s) < s->size())
        check_slots(*s);
      else
        s->shortage.reset();
    }
  for (const auto id : std::set(held_))
    if (auto& waiting = jobs_.at(id); !short_of_slots(waiting)) {
      held_.erase(id);
      begin(waiting);
    }
}

void driver_scheduler::impl::check_slots(stage& s) {
  const auto& options = options_.barrier;
  const bool first = !s.shortage;
  if (first)
    s.shortage = gang_shortage{};
  auto& lack = *s.shortage;
  if (first || lack.next <= now_) {
    ++lack.checks;
    lack.next = now_ + options.slots_check_interval;
  }
  const auto text = "its " + counted(s.size(), "task") + " need as many slots at the same time, and there are " +
                    std::to_string(slots_for(s)) + " (" + counted(executors_.all().size(), "executor") + ", " +
                    counted(executors_.total_cores(), "slot") + ", those of suspected and excluded executors not counted)";
  const bool in_vain = options.slots_max != 0 && s.size() > options.slots_max;
  if (in_vain || lack.checks > options.slots_check_failures_max)
    return abort(s, {static_cast<std::uint8_t>(errc::stage_aborted),
                     s.title(s.attempts) + " is a barrier stage that requires more slots than there are: " + text +
                         ". Give it fewer partitions (repartition before barrier()), start more executors or cores, or lower "
                         "salamander.task.cpus",
                     {}});
  if (first)
    note(notice::level::warning, s.title(s.attempts) + " is a barrier stage and waits: " + text);
  wake(lack.next);
}

// -- all or none --------------------------------------------------------------

// While it waits for tasks of others to end nobody overtakes: it would never find all the cores free.
driver_scheduler::impl::gang_turn driver_scheduler::impl::offer_gang(stage& s) {
  const auto needed = s.current->pending();
  if (slots_for(s) < needed)
    return gang_turn::hopeless;
  std::uint32_t free = 0;
  std::vector<executor*> candidates;
  for (auto& [id, at] : executors_.all())
    if (at.takes_tasks() && at.running < at.cores && !is_excluded(s, at)) {
      free += at.cores - at.running;
      candidates.push_back(&at);
    }
  if (free < needed && (free == 0 || !core::planted(core::defect::gang_launched_in_part))) {
    SALAMANDER_PROBE("barrier stage waits for tasks of others");
    return gang_turn::waits;
  }
  launch_gang(s, candidates);
  unmark_ready(s);
  return gang_turn::launched;
}

// Nobody waits for a better place: whoever holds a task's data gets it if it has room, and else who has the most.
void driver_scheduler::impl::launch_gang(stage& s, const std::vector<executor*>& candidates) {
  const auto room_at = [](const executor* at) { return at->running < at->cores ? at->cores - at->running : 0; };
  gang_launched gang{s.id, s.current->attempt(), std::vector<std::pair<task_id, executor_id>>(s.size())};
  const auto launch = [&](std::uint32_t index, executor& at) {
    s.current->start(index, at.id);
    gang.tasks.at(s.partition_of(index)) = {send(s, at, index), at.id};
  };
  std::vector<std::uint32_t> others;
  for (std::uint32_t index = 0; index < s.size(); ++index) {
    if (s.current->status_of(index) != task_set::status::pending)
      continue;
    const auto& preferred = s.current->preferred(index);
    const auto holder = std::find_if(candidates.begin(), candidates.end(), [&](const auto* at) {
      return room_at(at) > 0 && std::find(preferred.begin(), preferred.end(), at->id) != preferred.end();
    });
    if (holder == candidates.end())
      others.push_back(index);
    else
      launch(index, **holder);
  }
  for (const auto index : others)
    launch(index, **std::max_element(candidates.begin(), candidates.end(),
                                     [&](const auto* a, const auto* b) { return room_at(a) < room_at(b); }));
  SALAMANDER_PROBE("barrier stage launched");
  act(std::move(gang));
}

// What tasks find in a cache they do not compute, and so never reach the barrier where those wait that found nothing.
void driver_scheduler::impl::forget_partial_caches(const stage& gang) {
  const auto uncut = [](const core::lineage&) { return false; };
  for (const auto* dataset : gang.cached) {
    // Only walked, and not kept: the stage holds the lineage.
    const std::shared_ptr<const core::lineage> alias(std::shared_ptr<void>(), dataset);
    if (cache_.partitions(dataset->id) == 0 || cache_.complete(*dataset) || !walk_pipeline(alias, uncut).barrier)
      continue;
    SALAMANDER_PROBE("barrier stage computes again what is cached in part");
    cache_.remove_dataset(dataset->id);
    act(drop_cached{dataset->id});
  }
}

// -- all again ----------------------------------------------------------------

// After the event: more than one task of a stage may be concerned.
void driver_scheduler::impl::restart_gangs_due() {
  for (const auto& [id, why] : std::exchange(gang_restarts_, {}))
    if (auto* s = graph_.find(id))
      restart(*s, why);
}

// Those that run wait for the one that does not, and what those that have ended were told by the others holds no more.
void driver_scheduler::impl::restart(stage& gang, const std::string& why) {
  const auto title = gang.title(gang.attempts - 1);
  if (++gang.gangs_failed >= std::max<std::uint32_t>(1, options_.stage_attempts_max))
    return abort(gang, {static_cast<std::uint8_t>(errc::stage_aborted),
                        title + " is a barrier stage, and failed " + counted(gang.gangs_failed, "time") +
                            " in a row as a whole, most recently because " + why,
                        {}});
  if (!gang.is_map()) {
    const auto& owner = jobs_.at(gang.owner);
    if (const auto done = owner.delivered.size() - owner.remaining; !owner.repeatable && done > 0)
      return abort(gang, {static_cast<std::uint8_t>(errc::stage_aborted),
                          title + " is a barrier stage that could not be recovered: all its tasks would have to run again, and " +
                              counted(done, "task") +
                              " of an action that cannot be undone had their effects. Most recent failure: " + why,
                          {}});
  }
  note(notice::level::warning, title + " is a barrier stage, and all its tasks run again because " + why);
  const auto undone = take_back(gang, "another task of its barrier stage did not succeed");
  for_jobs(gang, [&](job& user) { user.counts.tasks_resubmitted += undone; });
  SALAMANDER_PROBE("barrier stage starts over");
  resubmit_later(gang);
}

} // namespace salamander::scheduler
