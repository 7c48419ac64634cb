#include "sabotage.hpp"

#include <algorithm>

namespace salamander::sim {
namespace {

template <class Key>
bool take_one(std::map<Key, std::uint32_t>& from, const Key& key) {
  const auto at = from.find(key);
  if (at == from.end() || at->second == 0)
    return false;
  --at->second;
  return true;
}

} // namespace

void sabotage::arm(const planned_fault& fault, time_point until) {
  const place where{fault.dataset, fault.partition};
  switch (fault.kind) {
  case fault_kind::user_error:
    throws_[where] += fault.amount;
    break;
  case fault_kind::poison:
    ends_[where] += fault.amount;
    break;
  case fault_kind::disk:
    disk_.push_back({fault.amount, until});
    break;
  case fault_kind::start_failure:
    failing_starts_[fault.slot] += fault.amount;
    break;
  case fault_kind::hung_start:
    hung_starts_[fault.slot] += fault.amount;
    break;
  default:
    break;
  }
}

sabotage::doing sabotage::function_called(place where) {
  if (take_one(ends_, where)) {
    ++seen.processes_ended;
    ++seen.ended_at[where];
    return doing::ends_process;
  }
  if (take_one(throws_, where)) {
    ++seen.thrown;
    ++seen.thrown_at[where];
    return doing::throws;
  }
  return doing::nothing;
}

bool sabotage::disk_fails(time_point now, random_stream& random) {
  std::erase_if(disk_, [&](const disk_fault& one) { return one.until <= now; });
  const bool fails = std::any_of(disk_.begin(), disk_.end(), [&](const disk_fault& one) { return random.chance(one.percent); });
  seen.disk_errors += fails ? 1 : 0;
  return fails;
}

sabotage::start sabotage::starting(std::uint32_t slot) {
  if (take_one(failing_starts_, slot)) {
    ++seen.failed_starts;
    return start::fails;
  }
  if (take_one(hung_starts_, slot)) {
    ++seen.failed_starts;
    return start::hangs;
  }
  return start::works;
}

} // namespace salamander::sim
