#include <salamander/actors/task_watch.hpp>

#include <algorithm>
#include <cstdio>

namespace salamander::actors {
namespace {

std::string seconds(std::chrono::steady_clock::duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
  return text;
}

} // namespace

std::chrono::milliseconds watch_limits::look_interval() const noexcept {
  constexpr std::chrono::milliseconds least{10};
  constexpr std::chrono::milliseconds most{1000};
  auto interval = most;
  for (const auto limit : {timeout, progress_warning})
    if (limit.count() != 0)
      interval = std::min(interval, limit / 10);
  if (timeout.count() != 0)
    interval = std::min(interval, kill_grace / 10);
  return std::max(interval, least);
}

std::vector<task_watch::finding> task_watch::look(std::span<const watched_task> slots, time_point now) {
  std::vector<finding> found;
  slots_.resize(std::max(slots_.size(), slots.size()));
  for (std::size_t i = 0; i < slots.size(); ++i)
    look_at(i, slots[i], now, found);
  return found;
}

void task_watch::look_at(std::size_t slot, const watched_task& where, time_point now, std::vector<finding>& out) {
  auto& state = slots_[slot];
  const auto same_task = state.last.task == where.task && state.last.started == where.started;
  if (!same_task) {
    state = {};
    state.moved = now;
  } else if (state.last.dataset != where.dataset || state.last.record != where.record) {
    state.moved = now;
    state.warned = false;
  }
  state.last = where;
  if (where.task == 0)
    return;
  const auto say = [&](kind what) { out.push_back({slot, what, where, now - where.started, now - state.moved}); };
  if (state.told_to_stop) {
    if (!state.given_up && now - *state.told_to_stop >= limits_.kill_grace) {
      state.given_up = true;
      say(kind::stuck);
    }
    return;
  }
  if (limits_.timeout.count() != 0 && now - where.started >= limits_.timeout) {
    state.told_to_stop = now;
    say(kind::timed_out);
  } else if (limits_.progress_warning.count() != 0 && !state.warned && now - state.moved >= limits_.progress_warning) {
    state.warned = true;
    say(kind::no_progress);
  }
}

std::string describe(const task_watch::finding& what, const watch_limits& limits, const std::string& title) {
  const auto& at = what.where;
  const auto task =
      "stage " + std::to_string(at.stage) + ", partition " + std::to_string(at.partition) + ", attempt " + std::to_string(at.attempt);
  const auto place =
      (title.empty() ? "dataset " + std::to_string(at.dataset) : title) + ", in the batch from record " + std::to_string(at.record);
  switch (what.what) {
  case task_watch::kind::no_progress:
    return "the task of " + task + " has made no progress for " + seconds(what.idle) + " (salamander.task.progressWarning): it is in " +
           place;
  case task_watch::kind::timed_out:
    return task + ": the task ran longer than salamander.task.timeout, which is " + seconds(limits.timeout) + ": after " +
           seconds(what.running) + " it was in " + place;
  case task_watch::kind::stuck:
    return task + ": the task ran longer than salamander.task.timeout, which is " + seconds(limits.timeout) +
           ", and did not stop within salamander.task.killGrace, which is " + seconds(limits.kill_grace) + ": after " +
           seconds(what.running) + " it was in " + place;
  }
  return {};
}

} // namespace salamander::actors
