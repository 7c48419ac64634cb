#include "network.hpp"

#include <algorithm>

namespace salamander::sim {

const link_fault* network::find(fault_kind kind, process from, process to) {
  if (faults_.empty())
    return nullptr;
  std::erase_if(faults_, [&](const link_fault& one) { return one.until <= queue_.now(); });
  const auto at = std::find_if(faults_.begin(), faults_.end(), [&](const link_fault& one) {
    return one.kind == kind && (one.from == link_fault::any || one.from == from) && (one.to == link_fault::any || one.to == to);
  });
  return at == faults_.end() ? nullptr : &*at;
}

duration network::latency(process from, process to) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(latency_max_).count();
  duration time = std::chrono::microseconds(random_.between(static_cast<std::uint64_t>(micros) / 10, static_cast<std::uint64_t>(micros)));
  if (const auto* late = find(fault_kind::delay, from, to))
    time += std::chrono::milliseconds(late->amount);
  return time;
}

time_point network::in_order(std::uint8_t lane, process from, process to, time_point when) {
  auto& last = last_[{lane, from, to}];
  return last = std::max(last, when);
}

void network::send(process from, process to, std::function<void()> arrive) {
  ++counts_.sent;
  const auto* loses = find(fault_kind::drop, from, to);
  if (find(fault_kind::cut, from, to) || (loses && random_.chance(loses->amount))) {
    ++counts_.lost;
    return;
  }
  const auto when = queue_.now() + latency(from, to);
  if (const auto* twice = find(fault_kind::duplicate, from, to); twice && random_.chance(twice->amount)) {
    ++counts_.repeated;
    queue_.at(when + std::chrono::microseconds(random_.below(300'000)), to, arrive);
  }
  if (const auto* mixes = find(fault_kind::reorder, from, to); mixes && random_.chance(mixes->amount)) {
    ++counts_.delayed;
    queue_.at(when + std::chrono::microseconds(random_.below(400'000)), to, std::move(arrive));
    return;
  }
  queue_.at(in_order(0, from, to, when), to, std::move(arrive));
}

void network::stream(process from, process to, std::function<void()> arrive) {
  if (!find(fault_kind::cut, from, to))
    queue_.at(in_order(1, from, to, queue_.now() + latency(from, to)), to, std::move(arrive));
}

bool network::corrupts(process from, process to) {
  const auto* flips = find(fault_kind::corrupt_block, from, to);
  return flips && random_.chance(flips->amount);
}

} // namespace salamander::sim
