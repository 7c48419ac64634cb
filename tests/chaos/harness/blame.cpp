#include "harness/blame.hpp"

namespace chaos {

void blame::begin(std::uint64_t fault, cause what, time_point when) {
  all_[fault] = {what, when, time_point::max()};
}

void blame::end(std::uint64_t fault, time_point when) {
  if (const auto at = all_.find(fault); at != all_.end())
    at->second.to = std::min(at->second.to, when);
}

void blame::end_all(time_point when) {
  for (auto& [fault, one] : all_)
    one.to = std::min(one.to, when);
}

cause blame::between(time_point from, time_point to) const {
  auto found = cause::none;
  for (const auto& [fault, one] : all_)
    if (one.from <= to && (one.to == time_point::max() || one.to + aftermath >= from))
      found = found | one.what;
  return found;
}

} // namespace chaos
