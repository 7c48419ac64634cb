#include <salamander/scheduler/barrier_coordinator.hpp>

#include <algorithm>

namespace salamander::scheduler {
namespace {

std::string seconds_text(duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " second(s)";
}

} // namespace

void barrier_coordinator::launched(stage_id stage, std::uint32_t stage_attempt, const std::vector<task_id>& tasks) {
  const auto number = next_gang_++;
  auto& made = gangs_[number];
  made.stage = stage;
  made.stage_attempt = stage_attempt;
  made.tasks = tasks;
  made.members.resize(tasks.size());
  made.here = tasks.size();
  for (std::size_t i = 0; i < tasks.size(); ++i)
    places_.emplace(tasks[i], std::pair(number, i));
}

std::vector<barrier_coordinator::decision> barrier_coordinator::reached(task_id task, std::uint32_t epoch, barrier_call how,
                                                                        std::string text, time_point now) {
  const auto place = places_.find(task);
  if (place == places_.end())
    return {};
  auto& all = gangs_.at(place->second.first);
  auto& caller = all.members[place->second.second];
  if (caller.waits || epoch != all.epoch)
    return {};
  if (all.waiting == 0) {
    all.how = how;
    all.due = now + limits_.sync_timeout;
  }
  caller.waits = true;
  caller.text = std::move(text);
  ++all.waiting;
  all.bytes += caller.text.size();
  if (how != all.how)
    return dissolve(all, "Different barrier sync types found for the sync " + title_of(all) +
                             ": ALL_GATHER, BARRIER. Please use the same barrier sync type within a single sync.");
  if (all.bytes > limits_.gathered_bytes_max)
    return dissolve(all, "The tasks of " + title_of(all) + " gather more than " + std::to_string(limits_.gathered_bytes_max) +
                             " bytes. all_gather is for addresses and small numbers; exchange data by a shuffle or files");
  const auto gone = std::find_if(all.members.begin(), all.members.end(), [](const auto& one) { return one.left; });
  if (gone != all.members.end())
    return dissolve(all, "The task of partition " + std::to_string(gone - all.members.begin()) + " has ended without reaching " +
                             title_of(all) + ". All tasks of a barrier stage must call barrier and all_gather equally often");
  return all.waiting == all.members.size() ? complete(all) : std::vector<decision>();
}

std::vector<barrier_coordinator::decision> barrier_coordinator::complete(gang& all) {
  pass made{all.tasks, all.epoch, {}};
  for (auto& one : all.members) {
    if (all.how == barrier_call::all_gather)
      made.gathered.push_back(std::move(one.text));
    one = {};
  }
  ++all.epoch;
  all.waiting = 0;
  all.bytes = 0;
  return {std::move(made)};
}

// Those that wait fail, which makes an end of the stage attempt: nobody passes this epoch any more.
std::vector<barrier_coordinator::decision> barrier_coordinator::dissolve(gang& all, std::string why) {
  give_up made{{}, all.epoch, std::move(why)};
  for (std::size_t i = 0; i < all.members.size(); ++i) {
    if (all.members[i].waits)
      made.tasks.push_back(all.tasks[i]);
    all.members[i].waits = false;
    all.members[i].text.clear();
  }
  all.waiting = 0;
  all.bytes = 0;
  return {std::move(made)};
}

std::vector<barrier_coordinator::decision> barrier_coordinator::ended(task_id task, bool succeeded) {
  const auto place = places_.find(task);
  if (place == places_.end())
    return {};
  const auto [number, index] = place->second;
  places_.erase(place);
  auto& all = gangs_.at(number);
  auto& gone = all.members[index];
  all.waiting -= gone.waits ? 1 : 0;
  all.bytes -= gone.text.size();
  gone = {false, succeeded, {}};
  if (--all.here == 0) {
    gangs_.erase(number);
    return {};
  }
  if (!succeeded || all.waiting == 0)
    return {};
  return dissolve(all, "The task of partition " + std::to_string(index) + " has ended without reaching " + title_of(all) +
                           ". All tasks of a barrier stage must call barrier and all_gather equally often");
}

std::vector<barrier_coordinator::decision> barrier_coordinator::timed_out(time_point now) {
  std::vector<decision> decided;
  for (auto& [number, all] : gangs_)
    if (all.waiting > 0 && all.due <= now)
      for (auto& one : dissolve(all, "The coordinator didn't get all barrier sync requests for " + title_of(all) + " within " +
                                         seconds_text(limits_.sync_timeout) + " (salamander.barrier.sync.timeout)."))
        decided.push_back(std::move(one));
  return decided;
}

std::optional<time_point> barrier_coordinator::next_timeout() const {
  std::optional<time_point> next;
  for (const auto& [number, all] : gangs_)
    if (all.waiting > 0)
      next = next ? std::min(*next, all.due) : all.due;
  return next;
}

std::string barrier_coordinator::title_of(const gang& all) {
  return "barrier epoch " + std::to_string(all.epoch) + " from Stage " + std::to_string(all.stage.value) + " (Attempt " +
         std::to_string(all.stage_attempt) + ")";
}

} // namespace salamander::scheduler
