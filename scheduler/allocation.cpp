#include <salamander/scheduler/allocation.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace salamander::scheduler {

allocation::decision allocation::look(const driver_load& load, const std::function<bool(executor_id)>& holds_blocks, time_point now) {
  const auto before = target_;
  decision made;
  for (const auto& one : load.executors)
    slots_ = std::max(slots_, one.slots);
  set_target(load, now);
  give_up_idle(load, holds_blocks, now, made);
  if (target_ != before)
    made.target = target_;
  return made;
}

void allocation::stays(executor_id executor) {
  stuck_.insert(executor);
}

std::uint32_t allocation::needed(const driver_load& load) {
  const auto tasks = static_cast<double>(load.pending) + load.running;
  const auto wanted = std::ceil(tasks * options_.ratio / std::max(1U, slots_ == 0 ? options_.slots_expected : slots_));
  return static_cast<std::uint32_t>(std::min<double>(wanted, std::numeric_limits<std::uint32_t>::max()));
}

void allocation::set_target(const driver_load& load, time_point now) {
  const auto most = std::clamp(needed(load), options_.executors_min, options_.executors_max);
  if (load.pending + load.running > 0)
    beginning_ = false;
  if (load.pending == 0) {
    add_at_.reset();
    to_add_ = 1;
  } else if (!add_at_) {
    add_at_ = now + options_.backlog_timeout;
  }
  if (beginning_)
    return;
  if (most < target_) {
    target_ = most;
    to_add_ = 1;
  } else if (add_at_ && *add_at_ <= now) {
    const auto staying = static_cast<std::uint32_t>(std::ranges::count_if(load.executors, [](const auto& one) { return !one.leaving; }));
    const auto base = std::clamp(std::max(target_, staying), options_.executors_min, std::max(most, target_));
    const auto more = std::min(to_add_, most - std::min(most, base));
    to_add_ = more == to_add_ && more > 0 ? std::min(to_add_ * 2, 1U << 20) : 1;
    target_ = base + more;
    add_at_ = now + options_.sustained_timeout;
  }
}

void allocation::give_up_idle(const driver_load& load, const std::function<bool(executor_id)>& holds_blocks, time_point now,
                              decision& made) {
  std::set<executor_id> there;
  std::uint32_t staying = 0;
  for (const auto& one : load.executors) {
    there.insert(one.executor);
    staying += one.leaving ? 0 : 1;
    if (one.running > 0 || one.leaving)
      idle_since_.erase(one.executor);
    else
      idle_since_.try_emplace(one.executor, now);
  }
  std::erase_if(idle_since_, [&](const auto& entry) { return !there.contains(entry.first); });
  std::erase_if(stuck_, [&](auto id) { return !there.contains(id); });
  std::vector<std::pair<time_point, executor_id>> oldest;
  for (const auto& [id, since] : idle_since_)
    if (now - since >= options_.idle_timeout)
      oldest.emplace_back(since, id);
  if (!oldest.empty() && std::exchange(beginning_, false))
    set_target(load, now); // the initial executors were idle for long: they are not needed
  std::ranges::sort(oldest);
  const auto least = std::max(options_.executors_min, target_);
  for (const auto& [since, id] : oldest) {
    if (staying <= least)
      return;
    const bool bound = (!options_.hands_over || stuck_.contains(id)) && holds_blocks(id);
    if (bound && (!options_.cached_idle_timeout || now - since < *options_.cached_idle_timeout))
      continue;
    (bound ? made.dropped : made.leaving).push_back(id);
    idle_since_.erase(id);
    --staying;
  }
}

} // namespace salamander::scheduler
