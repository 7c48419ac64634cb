#include <salamander/actors/cache_claims.hpp>

#include <salamander/rdd/task_context.hpp>

namespace salamander::actors {

cache_claims::turn cache_claims::take(std::uint64_t partition, const void* owner, const std::atomic<bool>* cancelled) {
  constexpr std::chrono::milliseconds look_interval{50};
  std::unique_lock lock(mutex_);
  const auto [claim, mine] = owners_.emplace(partition, owner);
  if (mine)
    return turn::yours;
  const auto* const other = claim->second;
  if (other == owner)
    return turn::unclaimed;
  for (std::chrono::milliseconds waited{0}; waited < wait_max; waited += look_interval) {
    if (cancelled && cancelled->load(std::memory_order_relaxed))
      throw core::task_cancelled();
    const auto gone = [&] {
      const auto now = owners_.find(partition);
      return now == owners_.end() || now->second != other;
    };
    if (ended_.wait_for(lock, look_interval, gone))
      return turn::over;
  }
  return turn::unclaimed;
}

void cache_claims::end(std::uint64_t partition, const void* owner) {
  {
    const std::lock_guard lock(mutex_);
    const auto claim = owners_.find(partition);
    if (claim == owners_.end() || claim->second != owner)
      return;
    owners_.erase(claim);
  }
  ended_.notify_all();
}

} // namespace salamander::actors
