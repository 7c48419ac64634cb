#include "minimise.hpp"

#include <algorithm>

namespace salamander::sim {

namespace {

class minimiser {
public:
  minimiser(scenario failing, const std::function<bool(const scenario&)>& still_fails, std::uint32_t tries_max)
      : best_(std::move(failing)), still_fails_(still_fails), tries_left_(tries_max) {}

  scenario run() {
    // A job that is gone may make faults superfluous, and the other way round.
    for (bool smaller = true; smaller;) {
      smaller = shrink(&scenario::jobs);
      smaller = shrink(&scenario::faults) || smaller;
      smaller = shrink(&scenario::releases) || smaller;
    }
    return std::move(best_);
  }

private:
  template <class Item>
  bool shrink(std::vector<Item> scenario::*part) {
    bool smaller = false;
    for (auto group = std::max<std::size_t>(1, (best_.*part).size()); group > 0; group /= 2)
      for (std::size_t at = 0; at < (best_.*part).size();) {
        if (tries_left_ == 0)
          return false;
        --tries_left_;
        auto candidate = best_;
        auto& items = candidate.*part;
        const auto first = items.begin() + static_cast<std::ptrdiff_t>(at);
        items.erase(first, first + static_cast<std::ptrdiff_t>(std::min(group, items.size() - at)));
        if (!still_fails_(candidate)) {
          at += group;
          continue;
        }
        best_ = std::move(candidate);
        smaller = true;
      }
    return smaller;
  }

  scenario best_;
  const std::function<bool(const scenario&)>& still_fails_;
  std::uint32_t tries_left_;
};

} // namespace

scenario minimise(const scenario& failing, const std::function<bool(const scenario&)>& still_fails, std::uint32_t tries_max) {
  return minimiser(failing, still_fails, tries_max).run();
}

} // namespace salamander::sim
