// How often records or keys occur in a partition.
#pragma once

#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/functions.hpp>
#include <salamander/rdd/stats.hpp>

namespace salamander::core {

/// Counts of what `of(record)` gives, in order of first appearance.
template <class Key, class T, class Of>
std::vector<std::pair<Key, std::uint64_t>> count_each(partition_reader<T>& in, const Of& of) {
  result_map<Key, std::size_t> places;
  std::vector<std::pair<Key, std::uint64_t>> counts;
  in.each(
      [&](const T& record) {
        const auto [at, added] = places.try_emplace(to_owned<Key>(of(record)), counts.size());
        if (added)
          counts.emplace_back(at->first, 1);
        else
          ++counts[at->second].second;
      },
      [&] { in.hold(2 * weight_of(counts)); });
  return counts;
}

template <class T>
struct count_records_function {
  std::vector<std::pair<owned_t<T>, std::uint64_t>> operator()(partition_reader<T>& in) const {
    return count_each<owned_t<T>>(in, [](const T& record) -> const T& { return record; });
  }
};

template <class T>
struct count_keys_function {
  std::vector<std::pair<owned_key<T>, std::uint64_t>> operator()(partition_reader<T>& in) const {
    return count_each<owned_key<T>>(
        in, [](const T& record) -> const auto& { return record.first; });
  }
};

inline stat_counter merged(const std::vector<stat_counter>& parts) {
  stat_counter all;
  for (const auto& part : parts)
    all.merge(part);
  return all;
}

} // namespace salamander::core
