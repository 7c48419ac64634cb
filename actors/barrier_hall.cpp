#include <salamander/actors/barrier_hall.hpp>

#include <salamander/rdd/error.hpp>

namespace salamander::actors {

std::vector<std::string> barrier_hall::wait(barrier_arrival arrival, const std::atomic<bool>* cancelled) {
  constexpr std::chrono::milliseconds look_interval{50};
  const auto task = arrival.task;
  waiting here;
  here.epoch = arrival.epoch;
  std::unique_lock lock(mutex_);
  waiting_.emplace(task, &here);
  const bool first = arrivals_.empty();
  arrivals_.push_back(std::move(arrival));
  if (first) {
    lock.unlock();
    on_arrival_();
    lock.lock();
  }
  const auto gone = [&] { return cancelled && cancelled->load(std::memory_order_relaxed); };
  while (!here.answer && !gone())
    here.changed.wait_for(lock, look_interval);
  waiting_.erase(task);
  const auto found = std::move(here.answer);
  lock.unlock();
  if (!found)
    throw core::task_cancelled();
  if (!found->error.empty())
    core::throw_error(errc::task_failed, found->error);
  return found->gathered;
}

std::vector<barrier_arrival> barrier_hall::take_arrivals() {
  const std::lock_guard lock(mutex_);
  return std::exchange(arrivals_, {});
}

void barrier_hall::answer(barrier_answer what) {
  const auto shared = std::make_shared<const barrier_answer>(std::move(what));
  const std::lock_guard lock(mutex_);
  for (const auto task : shared->tasks)
    if (const auto at = waiting_.find(task); at != waiting_.end() && at->second->epoch == shared->epoch && !at->second->answer) {
      at->second->answer = shared;
      at->second->changed.notify_one();
    }
}

} // namespace salamander::actors
