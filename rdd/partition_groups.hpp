// Which partitions a coalesced dataset reads together.
#pragma once

#include <salamander/rdd/lineage.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace salamander::core {

/// Partitions 0 to n - 1 in groups, none of which is empty. `host`: where most of a group's partitions are best made; empty: anywhere.
struct partition_group {
  std::vector<std::uint32_t> members;
  std::string host;
};

/// `preferred[p]` are the hosts on which partition p is best made. Shape: `count` groups, all members once. Without any preference
/// each group is a run of neighbours, and members are in order. With some, a partition goes to the smallest group of a host that it
/// prefers, unless that is larger than the smallest group of all by a tenth of an average group. The same for the same input.
/// Requires: 0 < count <= preferred.size(). Source: the aims of the partition coalescer of Spark.
std::vector<partition_group> group_partitions(const std::vector<std::vector<std::string>>& preferred, std::uint32_t count);

/// For a dataset of `count` partitions that are read from those of `parent`: which ones, and where each is best made.
std::pair<std::vector<std::vector<std::uint32_t>>, std::vector<std::vector<std::string>>> coalesced(const lineage& parent,
                                                                                                    std::uint32_t count);

} // namespace salamander::core
