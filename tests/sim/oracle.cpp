#include "oracle.hpp"

#include <algorithm>

namespace salamander::sim {

std::shared_ptr<const records> oracle::held(const dataset& of, std::uint32_t partition) {
  return std::make_shared<const records>(source_records(of, partition));
}

std::vector<std::shared_ptr<const records>> oracle::shuffle(const dataset& child, const core::dependency& from, std::uint32_t partition) {
  std::vector<std::shared_ptr<const records>> blocks;
  const auto& parent = static_cast<const dataset&>(*from.parent);
  for (std::uint32_t map = 0; map < parent.partitions; ++map) {
    auto& parts = splits_[{from.shuffle, map}];
    if (parts.empty())
      for (auto& part : split(child, *compute(parent, map, *this), map, 0))
        parts.push_back(std::make_shared<const records>(std::move(part)));
    blocks.push_back(parts[partition]);
  }
  return blocks;
}

std::string difference(oracle& right, const dataset& of, const std::vector<std::uint32_t>& partitions,
                       const std::vector<records>& results) {
  if (of.loose) {
    records expected;
    records found;
    for (const auto p : partitions)
      expected.insert(expected.end(), right.partition(of, p).begin(), right.partition(of, p).end());
    for (const auto& one : results)
      found.insert(found.end(), one.begin(), one.end());
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    if (expected == found)
      return {};
    return std::to_string(found.size()) + " records of " + of.title() + " instead of " + std::to_string(expected.size()) +
           ", or with other contents";
  }
  for (std::size_t i = 0; i < partitions.size(); ++i)
    if (results[i] != right.partition(of, partitions[i]))
      return "partition " + std::to_string(partitions[i]) + " of " + of.title() + " has other records than it should";
  return {};
}

} // namespace salamander::sim
