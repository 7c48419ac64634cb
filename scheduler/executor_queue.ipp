// Bodies of executor_queue.
#pragma once

#include <algorithm>

namespace salamander::scheduler {

template <class Task, class Stage>
std::optional<Stage> executor_queue<Task, Stage>::add_stage(std::uint32_t stage, std::uint32_t attempt, Stage what) {
  const auto [at, fresh] = stages_.try_emplace({stage, attempt}, what);
  if (fresh)
    return std::nullopt;
  return std::exchange(at->second, std::move(what));
}

template <class Task, class Stage>
std::vector<Stage> executor_queue<Task, Stage>::forget_stage(std::uint32_t stage) {
  std::vector<Stage> dropped;
  const auto first = stages_.lower_bound({stage, 0});
  auto last = first;
  for (; last != stages_.end() && last->first.first == stage; ++last)
    dropped.push_back(std::move(last->second));
  stages_.erase(first, last);
  return dropped;
}

template <class Task, class Stage>
auto executor_queue<Task, Stage>::add(const Task& task) -> answer {
  const auto stage = stages_.find({task.stage, task.stage_attempt});
  if (known_.contains(task.task) && !core::planted(core::defect::queue_runs_duplicates)) {
    SALAMANDER_PROBE("executor dropped a repeated order");
    return answer::duplicate;
  }
  if (stage == stages_.end()) {
    SALAMANDER_PROBE("executor was sent a task of an unknown stage");
    return answer::unknown_stage;
  }
  known_.insert(task.task);
  waiting_.push_back({task, stage->second});
  return answer::queued;
}

template <class Task, class Stage>
auto executor_queue<Task, Stage>::take() -> std::optional<work> {
  if (waiting_.empty())
    return std::nullopt;
  auto next = std::move(waiting_.front());
  waiting_.pop_front();
  running_.insert(next.task.task);
  return next;
}

template <class Task, class Stage>
bool executor_queue<Task, Stage>::ended(std::uint64_t task) {
  if (running_.erase(task) == 0)
    return false;
  remember(task);
  return true;
}

template <class Task, class Stage>
template <class Predicate>
auto executor_queue<Task, Stage>::cancel(Predicate wanted) -> cancelled {
  cancelled all;
  const auto rest = std::stable_partition(waiting_.begin(), waiting_.end(), [&](const auto& one) { return !wanted(one.task.task); });
  for (auto one = rest; one != waiting_.end(); ++one) {
    remember(one->task.task);
    all.waiting.push_back(std::move(*one));
  }
  waiting_.erase(rest, waiting_.end());
  for (const auto task : running_)
    if (wanted(task))
      all.running.push_back(task);
  std::sort(all.running.begin(), all.running.end()); // the same for the same events, whatever the hash
  return all;
}

template <class Task, class Stage>
void executor_queue<Task, Stage>::remember(std::uint64_t task) {
  remembered_.push_back(task);
  if (remembered_.size() <= remembered_max)
    return;
  known_.erase(remembered_.front());
  remembered_.pop_front();
}

} // namespace salamander::scheduler
