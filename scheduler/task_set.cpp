#include <salamander/scheduler/task_set.hpp>

#include <algorithm>

namespace salamander::scheduler {
namespace {

constexpr std::uint64_t lookahead_after_tasks = 4;
constexpr std::chrono::microseconds short_task{1000};
constexpr std::chrono::microseconds lookahead_work{2000}; ///< sent ahead per core, at most

} // namespace

task_set::task_set(std::uint32_t attempt, std::uint32_t size, time_point now)
    : attempt_(attempt), status_(size, status::done), attempts_(size, 0), last_local_launch_(now) {}

std::uint32_t task_set::running_on(executor_id executor) const {
  const auto it = running_on_.find(executor);
  return it == running_on_.end() ? 0 : it->second;
}

std::vector<std::uint32_t> task_set::running_indices() const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; running_ > 0 && i < status_.size(); ++i)
    if (status_[i] == status::running)
      found.push_back(i);
  return found;
}

const std::vector<executor_id>& task_set::preferred(std::uint32_t index) const {
  static const std::vector<executor_id> none;
  return preferred_.empty() ? none : preferred_[index];
}

void task_set::want(std::uint32_t index, std::vector<executor_id> preferred) {
  status_[index] = status::pending;
  ++pending_;
  if (preferred.empty()) {
    anywhere_.push_back(index);
    return;
  }
  for (const auto executor : preferred)
    local_[executor].push_back(index);
  choosy_.push_back(index);
  ++choosy_pending_;
  if (preferred_.empty())
    preferred_.resize(status_.size());
  preferred_[index] = std::move(preferred);
}

void task_set::expect_elsewhere(std::uint32_t index) {
  if (status_[index] == status::elsewhere)
    return;
  status_[index] = status::elsewhere;
  ++elsewhere_;
}

void task_set::choose_for(std::uint32_t index) {
  if (status_[index] == status::pending)
    return;
  leave(index);
  status_[index] = status::pending;
  ++pending_;
  ++chosen_pending_;
  if (chosen_.empty())
    chosen_.resize(status_.size());
  chosen_[index] = true;
  to_be_chosen_.push_back(index);
}

void task_set::again(std::uint32_t index) {
  if (status_[index] == status::pending)
    return;
  leave(index);
  status_[index] = status::pending;
  ++pending_;
  if (!choosy(index)) {
    anywhere_.push_front(index);
    return;
  }
  for (const auto executor : preferred_[index])
    local_[executor].push_front(index);
  choosy_.push_front(index);
  ++choosy_pending_;
}

void task_set::leave(std::uint32_t index) {
  if (status_[index] == status::elsewhere)
    --elsewhere_;
  if (status_[index] != status::pending)
    return;
  --pending_;
  if (chosen(index)) {
    chosen_[index] = false;
    --chosen_pending_;
  } else {
    choosy_pending_ -= choosy(index) ? 1 : 0;
  }
}

void task_set::finish(std::uint32_t index) {
  leave(index);
  status_[index] = status::done;
}

std::optional<std::uint32_t> task_set::pop(std::deque<std::uint32_t>& queue) {
  while (!queue.empty()) {
    const auto index = queue.front();
    queue.pop_front();
    if (status_[index] == status::pending && !chosen(index))
      return index;
  }
  return std::nullopt;
}

void task_set::start(std::uint32_t index, executor_id executor) {
  leave(index);
  status_[index] = status::running;
  ++attempts_[index];
  ++running_;
  ++running_on_[executor];
}

std::optional<std::uint32_t> task_set::take(executor_id executor, time_point now, duration locality_wait, choice from) {
  if (!has_others())
    return std::nullopt;
  std::optional<std::uint32_t> index;
  if (choosy_pending_ > 0)
    if (const auto local = local_.find(executor); local != local_.end())
      if ((index = pop(local->second)))
        last_local_launch_ = now;
  if (!index && from == choice::any)
    index = pop(anywhere_);
  if (!index && from == choice::any && choosy_pending_ > 0 && now - last_local_launch_ >= locality_wait)
    index = pop(choosy_);
  if (index)
    start(*index, executor);
  return index;
}

void task_set::ended(executor_id executor) {
  --running_;
  if (const auto it = running_on_.find(executor); it != running_on_.end() && --it->second == 0)
    running_on_.erase(it);
}

std::optional<time_point> task_set::relaxation(duration locality_wait) const {
  if (choosy_pending_ == 0)
    return std::nullopt;
  return last_local_launch_ + locality_wait;
}

void task_set::forget_executor(executor_id executor) {
  running_on_.erase(executor);
  forget_preference(executor);
}

void task_set::forget_preference(executor_id executor) {
  local_.erase(executor);
  for (std::uint32_t i = 0; i < preferred_.size(); ++i)
    if (std::erase(preferred_[i], executor) > 0 && preferred_[i].empty() && status_[i] == status::pending && !chosen(i)) {
      --choosy_pending_;
      anywhere_.push_back(i);
    }
}

void task_set::record_run_time(std::chrono::microseconds time) {
  ++finished_;
  run_time_ += time;
  if (slow_ones_after_ != std::numeric_limits<std::uint64_t>::max())
    run_times_.add(time);
}

std::uint32_t task_set::lookahead(std::uint32_t tasks_max, std::uint32_t total_cores) const {
  if (finished_ < lookahead_after_tasks || run_time_.count() < 0)
    return 0;
  const auto total = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(run_time_.count()));
  if (total >= finished_ * static_cast<std::uint64_t>(short_task.count()))
    return 0;
  const auto by_work = finished_ * static_cast<std::uint64_t>(lookahead_work.count()) / total;
  const auto by_evidence = finished_ / std::max<std::uint32_t>(1, total_cores);
  return static_cast<std::uint32_t>(std::min({std::uint64_t{tasks_max}, by_work, by_evidence}));
}

} // namespace salamander::scheduler
