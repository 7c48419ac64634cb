// Bodies of executor_queue.
#pragma once

#include <algorithm>
#include <iterator>

namespace salamander::scheduler {

inline recent_numbers::answer recent_numbers::add(std::uint64_t number) noexcept {
  const auto bit_of = [this](std::uint64_t n) -> std::pair<std::uint64_t&, std::uint64_t> {
    return {bits_[n % window / 64], std::uint64_t{1} << (n % 64)};
  };
  if (number + window <= highest_)
    return answer::too_old;
  if (number >= highest_ + window)
    bits_.fill(0);
  else
    for (auto between = highest_ + 1; between <= number; ++between) {
      auto [word, bit] = bit_of(between);
      word &= ~bit;
    }
  highest_ = std::max(highest_, number);
  auto [word, bit] = bit_of(number);
  if ((word & bit) != 0)
    return answer::seen;
  word |= bit;
  return answer::fresh;
}

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
  if (known(task.task) && !core::planted(core::defect::queue_runs_duplicates)) {
    SALAMANDER_PROBE("executor dropped a repeated order");
    return answer::duplicate;
  }
  if (stage == stages_.end()) {
    SALAMANDER_PROBE("executor was sent a task of an unknown stage");
    return answer::unknown_stage;
  }
  waiting_.push_back({task, stage->second});
  return answer::queued;
}

template <class Task, class Stage>
auto executor_queue<Task, Stage>::take() -> std::optional<work> {
  if (waiting_.empty())
    return std::nullopt;
  auto next = std::move(waiting_.front());
  waiting_.pop_front();
  running_.push_back(next.task.task);
  return next;
}

template <class Task, class Stage>
bool executor_queue<Task, Stage>::ended(std::uint64_t task) {
  const auto at = std::find(running_.begin(), running_.end(), task);
  if (at == running_.end())
    return false;
  running_.erase(at);
  return true;
}

template <class Task, class Stage>
template <class Predicate>
auto executor_queue<Task, Stage>::cancel(Predicate wanted) -> cancelled {
  cancelled all;
  const auto rest = std::stable_partition(waiting_.begin(), waiting_.end(), [&](const auto& one) { return !wanted(one.task.task); });
  all.waiting.assign(std::make_move_iterator(rest), std::make_move_iterator(waiting_.end()));
  waiting_.erase(rest, waiting_.end());
  std::copy_if(running_.begin(), running_.end(), std::back_inserter(all.running), wanted);
  return all;
}

template <class Task, class Stage>
bool executor_queue<Task, Stage>::known(std::uint64_t task) noexcept {
  const auto when = seen_.add(task);
  if (when != recent_numbers::answer::too_old)
    return when == recent_numbers::answer::seen;
  return std::find(running_.begin(), running_.end(), task) != running_.end() ||
         std::any_of(waiting_.begin(), waiting_.end(), [&](const work& one) { return one.task.task == task; });
}

} // namespace salamander::scheduler
