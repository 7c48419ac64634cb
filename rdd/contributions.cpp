#include <salamander/rdd/contributions.hpp>

#include <algorithm>

namespace salamander::core {

contribution_list contributions::close(scope where) {
  contribution_list taken;
  std::erase_if(added_, [&](entry& one) {
    if (one.where != where)
      return false;
    if (one.value)
      taken.emplace_back(one.accumulator, std::move(one.value));
    return true;
  });
  return taken;
}

bool contributions::within(scope inner, scope where) const noexcept {
  while (inner > where) // a scope's number is larger than those around it
    inner = outer_[inner - 1];
  return inner == where;
}

void contributions::drop(scope where) noexcept {
  std::erase_if(added_, [&](const entry& one) { return within(one.where, where); });
}

contribution_list contributions::close_all() {
  contribution_list taken;
  for (auto& one : added_) {
    if (!one.value)
      continue;
    const auto same = std::find_if(taken.begin(), taken.end(), [&](const auto& other) { return other.first == one.accumulator; });
    if (same == taken.end())
      taken.emplace_back(one.accumulator, std::move(one.value));
    else
      same->second->absorb(*one.value);
  }
  added_.clear();
  return taken;
}

} // namespace salamander::core
