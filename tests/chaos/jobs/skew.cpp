#include "jobs/job.hpp"

#include <map>

namespace chaos {
namespace {

namespace sal = salamander;

constexpr std::int64_t left_records = 24000;
constexpr std::int64_t right_records = 400;
constexpr std::int64_t keys = 150;

/// A third of all records have the same key.
std::int64_t key_of(std::int64_t seed, std::int64_t x) {
  const auto mixed = scramble(seed, x);
  return mixed % 3 == 0 ? 0 : static_cast<std::int64_t>(mixed / 3 % keys);
}

auto skewed(sal::context& sc, std::int64_t seed, std::int64_t count, std::int64_t partitions) {
  return sc.range(0, count, 1, partitions).map([seed](std::int64_t x) {
    linger(static_cast<std::uint64_t>(x));
    return std::pair{key_of(seed, x), x};
  });
}

std::map<std::int64_t, std::vector<std::int64_t>> groups(std::int64_t seed, std::int64_t count) {
  std::map<std::int64_t, std::vector<std::int64_t>> all;
  for (std::int64_t x = 0; x < count; ++x)
    all[key_of(seed, x)].push_back(x);
  return all;
}

template <class V>
std::string compare(const std::vector<std::pair<std::int64_t, V>>& found, const std::map<std::int64_t, V>& right) {
  if (found.size() != right.size())
    return std::to_string(found.size()) + " keys instead of " + std::to_string(right.size());
  for (const auto& [key, value] : found) {
    const auto at = right.find(key);
    if (at == right.end() || at->second != value)
      return "key " + std::to_string(key) + " has a wrong value";
  }
  return {};
}

} // namespace

std::string run_skewed_join(sal::context& sc, const job_request& request, const job_places&) {
  const auto seed = small_seed(request);
  const auto found = skewed(sc, seed, left_records, 6)
                         .join(skewed(sc, seed + 1, right_records, 3), 5)
                         .map([](const std::pair<std::int64_t, std::pair<std::int64_t, std::int64_t>>& row) {
                           return std::pair{row.first, row.second.first * 3 + row.second.second};
                         })
                         .reduce_by_key(std::plus<>{}, 4)
                         .collect();
  std::map<std::int64_t, std::int64_t> right;
  const auto right_side = groups(seed + 1, right_records);
  for (const auto& [key, values] : groups(seed, left_records))
    if (const auto other = right_side.find(key); other != right_side.end())
      for (const auto v : values)
        for (const auto w : other->second)
          right[key] += v * 3 + w;
  return compare(found, right);
}

std::string run_skewed_groups(sal::context& sc, const job_request& request, const job_places&) {
  const auto seed = small_seed(request);
  const auto left = skewed(sc, seed, left_records, 6);
  const auto right = skewed(sc, seed + 1, right_records, 3);
  const auto grouped = left.group_by_key(4).collect();
  const auto left_groups = groups(seed, left_records);
  // Groups are in order of partition and position, which is the order of the numbers.
  for (const auto& [key, values] : grouped) {
    const auto at = left_groups.find(key);
    if (at == left_groups.end() || !std::equal(values.begin(), values.end(), at->second.begin(), at->second.end()))
      return "the group of key " + std::to_string(key) + " is wrong";
  }
  if (grouped.size() != left_groups.size())
    return std::to_string(grouped.size()) + " groups instead of " + std::to_string(left_groups.size());
  const auto sizes = left.cogroup(right, 5)
                         .map_values([](const auto& both) {
                           return std::pair{static_cast<std::int64_t>(both.first.size()), static_cast<std::int64_t>(both.second.size())};
                         })
                         .collect();
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> expected;
  for (const auto& [key, values] : left_groups)
    expected[key].first = static_cast<std::int64_t>(values.size());
  for (const auto& [key, values] : groups(seed + 1, right_records))
    expected[key].second = static_cast<std::int64_t>(values.size());
  return compare(sizes, expected);
}

} // namespace chaos
