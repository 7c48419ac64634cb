#include "event_queue.hpp"

#include <algorithm>

namespace salamander::sim {

event_queue::process event_queue::start() {
  processes_.emplace_back();
  return static_cast<process>(processes_.size() - 1);
}

void event_queue::stop(process which) {
  if (processes_[which].state == state::running)
    processes_[which].state = state::stopped;
}

void event_queue::resume(process which) {
  auto& one = processes_[which];
  if (one.state != state::stopped)
    return;
  one.state = state::running;
  auto due = std::move(one.deferred);
  one.deferred.clear();
  for (auto& each : due)
    at(now_, which, std::move(each.what));
}

void event_queue::end(process which) {
  processes_[which].state = state::ended;
  processes_[which].deferred.clear();
}

void event_queue::at(time_point when, process whose, handler what) {
  if (processes_[whose].state == state::ended)
    return;
  heap_.push_back({std::max(when, now_), next_++, whose, std::move(what)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool event_queue::step(time_point until) {
  while (!heap_.empty()) {
    if (heap_.front().when > until)
      break;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    auto next = std::move(heap_.back());
    heap_.pop_back();
    auto& owner = processes_[next.whose];
    if (owner.state == state::ended)
      continue;
    now_ = next.when;
    if (owner.state == state::stopped) {
      owner.deferred.push_back(std::move(next));
      continue;
    }
    ++happened_;
    next.what();
    return true;
  }
  now_ = std::max(now_, until);
  return false;
}

std::size_t event_queue::waiting_for(process which) const {
  const auto in_heap = std::count_if(heap_.begin(), heap_.end(), [&](const entry& one) { return one.whose == which; });
  return static_cast<std::size_t>(in_heap) + processes_[which].deferred.size();
}

} // namespace salamander::sim
