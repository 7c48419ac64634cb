// Where a sorted dataset is cut into partitions, from a sample of its keys.
#pragma once

#include <salamander/rdd/key_partitioner.hpp>
#include <salamander/rdd/ordering.hpp>

#include <algorithm>
#include <vector>

namespace salamander::core {

/// Sampled places of a partition, and how many records each of them stands for.
template <class K>
using place_sample = std::pair<double, std::vector<sort_place<K>>>;

/// The samples in order. Errors: as check_order; what `less` throws.
template <class K, class Less>
std::vector<std::pair<double, sort_place<K>>> ordered_sample(std::vector<place_sample<K>> samples, const place_less<Less>& before) {
  std::vector<std::pair<double, sort_place<K>>> all;
  for (auto& [weight, places] : samples)
    for (auto& place : places)
      all.emplace_back(weight, std::move(place));
  for (std::size_t i = 1; i < all.size(); ++i)
    check_order(all[i - 1].second.key, all[i].second.key, before.less);
  if (!all.empty())
    check_order(all.front().second.key, all.front().second.key, before.less);
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return before(a.second, b.second); });
  return all;
}

/// Calls cut(place) where the weight of ordered samples reaches another part of `partitions` equal ones; a cut that returns false is
/// tried again with the next place.
template <class K, class Cut>
void cut_evenly(std::vector<std::pair<double, sort_place<K>>>& ordered, std::uint32_t partitions, const Cut& cut) {
  double total = 0;
  for (const auto& [weight, place] : ordered)
    total += weight;
  const double step = total / partitions;
  double sum = 0;
  double target = step;
  std::uint32_t cuts = 1;
  for (auto& [weight, place] : ordered) {
    sum += weight;
    if (sum >= target && cuts < partitions && cut(place)) {
      ++cuts;
      target += step;
    }
  }
}

/// At most partitions - 1 distinct keys that cut the sampled weight into about equal parts; equal keys are not divided.
template <class K, class Less>
std::vector<K> key_bounds(std::vector<place_sample<K>> samples, std::uint32_t partitions, const Less& less) {
  auto ordered = ordered_sample(std::move(samples), place_less<Less>{less});
  std::vector<K> bounds;
  cut_evenly(ordered, partitions, [&](sort_place<K>& place) {
    const bool another = bounds.empty() || less(bounds.back(), place.key);
    if (another)
      bounds.push_back(std::move(place.key));
    return another;
  });
  return bounds;
}

/// At most partitions - 1 places that cut the sampled weight into equal parts, however many keys are equal.
template <class K, class Less>
std::vector<sort_place<K>> place_bounds(std::vector<place_sample<K>> samples, std::uint32_t partitions, const Less& less, bool ascending) {
  auto ordered = ordered_sample(std::move(samples), place_less<Less>{less, ascending});
  std::vector<sort_place<K>> bounds;
  cut_evenly(ordered, partitions, [&](sort_place<K>& place) {
    bounds.push_back(std::move(place));
    return true;
  });
  return bounds;
}

} // namespace salamander::core
