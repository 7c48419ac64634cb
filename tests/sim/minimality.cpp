#include "minimality.hpp"

#include "checks.hpp"

#include <algorithm>

namespace salamander::sim {

void loss_accounting::executor_lost(state now) {
  before_ = std::move(now);
  launches_.clear();
  for (const bool running_count_as_done : {true, false}) {
    auto& needed = running_count_as_done ? certain_ : possible_;
    needed.clear();
    bool any = false;
    for (const auto partition : before_->wanted) {
      const place here{std::nullopt, partition};
      if (before_->delivered.contains(partition) || (running_count_as_done && before_->running.contains(here)))
        continue;
      needed.insert(here);
      any = true;
    }
    std::set<shuffle_id> seen;
    if (any)
      need_parents(*before_->final, running_count_as_done, needed, seen);
  }
}

void loss_accounting::need_parents(const core::lineage& of, bool running_count_as_done, std::set<place>& needed,
                                   std::set<shuffle_id>& seen) const {
  for (const auto& edge : of.dependencies) {
    if (!edge.wide()) {
      need_parents(*edge.parent, running_count_as_done, needed, seen);
      continue;
    }
    if (!seen.insert(edge.shuffle).second)
      continue;
    bool any = false;
    for (std::uint32_t map = 0; map < edge.parent->partitions; ++map) {
      const place here{edge.shuffle, map};
      if (before_->held.contains(here) || (running_count_as_done && before_->running.contains(here)))
        continue;
      needed.insert(here);
      any = true;
    }
    if (any)
      need_parents(*edge.parent, running_count_as_done, needed, seen);
  }
}

void loss_accounting::launched(const place& what) {
  if (before_)
    ++launches_[what];
}

void loss_accounting::check_end(bool succeeded) const {
  if (!before_)
    return;
  const auto name = [](const place& one) {
    return one.first ? "map partition " + std::to_string(one.second) + " of shuffle " + std::to_string(one.first->value)
                     : "result partition " + std::to_string(one.second);
  };
  for (const auto& one : certain_)
    check(!succeeded || launches_.contains(one), "S5 minimal",
          [&] { return name(one) + " was needed after the loss of its executor, and was not launched"; });
  for (const auto& [one, times] : launches_) {
    check(!before_->held.contains(one), "S5 minimal",
          [&, &what = one] { return name(what) + " was computed again although it was not lost"; });
    check(!before_->lost.contains(one) || possible_.contains(one), "S5 minimal",
          [&, &what = one] { return name(what) + " was computed again although nobody needed it"; });
    check(times == 1 || before_->running.contains(one), "S5 minimal",
          [&, &what = one, n = times] { return name(what) + " was launched " + std::to_string(n) + " times after the loss"; });
  }
}

} // namespace salamander::sim
