#include "dataset.hpp"

#include "random.hpp"

#include <algorithm>
#include <array>

namespace salamander::sim {
namespace {

constexpr std::uint32_t keys = 37;

records combined(const records& from) {
  records made;
  std::array<std::uint32_t, keys> place{};
  for (const auto& one : from) {
    auto& at = place[one.key % keys];
    if (at == 0) {
      made.push_back(one);
      at = static_cast<std::uint32_t>(made.size());
    } else {
      made[at - 1].value += one.value;
    }
  }
  return made;
}

records folded(const records& from) {
  records made;
  std::array<std::uint32_t, keys> place{};
  for (const auto& one : from) {
    auto& at = place[one.key % keys];
    if (at == 0) {
      made.push_back({one.key, one.value + 7});
      at = static_cast<std::uint32_t>(made.size());
    } else {
      made[at - 1].value = (made[at - 1].value * 31 + one.value) % 1'000'003;
    }
  }
  return made;
}

records cogrouped(const records& left, const records& right) {
  std::array<std::int64_t, keys> sums{};
  std::array<bool, keys> seen{};
  for (const auto& one : left) {
    sums[one.key % keys] = (sums[one.key % keys] * 17 + one.value) % 1'000'003;
    seen[one.key % keys] = true;
  }
  for (const auto& one : right) {
    sums[one.key % keys] = (sums[one.key % keys] * 13 - one.value) % 1'000'003;
    seen[one.key % keys] = true;
  }
  records made;
  for (std::uint32_t key = 0; key < keys; ++key)
    if (seen[key])
      made.push_back({key, sums[key]});
  return made;
}

records element_wise(const dataset& what, records from) {
  const auto p = what.parameter;
  switch (what.how) {
  case op::map:
    for (auto& one : from)
      one = {static_cast<std::uint32_t>((one.key * (p % 5 + 1) + p) % keys), (one.value * 3 + p) % 1'000'003};
    return from;
  case op::filter:
    std::erase_if(from, [&](const record& one) { return mix(one.key + p + static_cast<std::uint64_t>(one.value)) % 4 == 0; });
    return from;
  case op::flat_map: {
    records made;
    for (const auto& one : from)
      for (std::uint64_t i = 0, n = mix(static_cast<std::uint64_t>(one.value) ^ p) % 3; i < n; ++i)
        made.push_back({static_cast<std::uint32_t>((one.key + i) % keys), one.value + static_cast<std::int64_t>(i)});
    return made;
  }
  case op::running_sum: {
    std::int64_t sum = p;
    for (auto& one : from)
      one.value = sum = (sum + one.value) % 1'000'003;
    return from;
  }
  default:
    return from;
  }
}

records reduced(const dataset& what, const std::vector<std::vector<std::shared_ptr<const records>>>& blocks) {
  std::vector<records> sides(blocks.size());
  for (std::size_t side = 0; side < blocks.size(); ++side)
    for (const auto& block : blocks[side])
      if (block)
        sides[side].insert(sides[side].end(), block->begin(), block->end());
  switch (what.how) {
  case op::reduce_by_key:
    return combined(sides[0]);
  case op::group_by_key:
    return folded(sides[0]);
  case op::sort:
    std::sort(sides[0].begin(), sides[0].end());
    return std::move(sides[0]);
  case op::cogroup:
    return cogrouped(sides[0], sides[1]);
  default:
    return std::move(sides[0]);
  }
}

std::shared_ptr<const records> computed(const dataset& what, std::uint32_t partition, partition_inputs& from) {
  from.call(what, partition);
  if (what.how == op::generated)
    return std::make_shared<const records>(source_records(what, partition));
  if (what.how == op::held)
    return from.held(what, partition);
  if (is_wide(what.how)) {
    std::vector<std::vector<std::shared_ptr<const records>>> blocks;
    for (const auto& edge : what.dependencies)
      blocks.push_back(from.shuffle(what, edge, partition));
    return std::make_shared<const records>(reduced(what, blocks));
  }
  std::vector<std::shared_ptr<const records>> parts;
  for (const auto& edge : what.dependencies)
    for (const auto parent : edge.parents_of(partition))
      parts.push_back(compute(static_cast<const dataset&>(*edge.parent), parent, from));
  if (what.how == op::zip) {
    auto made = *parts[0];
    made.resize(std::min(made.size(), parts[1]->size()));
    for (std::size_t i = 0; i < made.size(); ++i)
      made[i].value -= (*parts[1])[i].value;
    return std::make_shared<const records>(std::move(made));
  }
  records all;
  for (const auto& part : parts)
    all.insert(all.end(), part->begin(), part->end());
  return std::make_shared<const records>(element_wise(what, std::move(all)));
}

} // namespace

std::string_view name_of(op how) noexcept {
  constexpr std::array names{"generated",   "held",     "map",  "filter",        "flat_map",     "running_sum",
                             "unite",       "coalesce", "zip",  "reduce_by_key", "group_by_key", "partition_by",
                             "repartition", "scatter",  "sort", "cogroup"};
  static_assert(names.size() == static_cast<std::size_t>(op::count_));
  return names[static_cast<std::size_t>(how)];
}

std::shared_ptr<const records> compute(const dataset& what, std::uint32_t partition, partition_inputs& from) {
  const std::pair key{what.id, partition};
  if (const auto known = from.computed_.find(key); known != from.computed_.end())
    return known->second;
  auto made = what.cached ? from.find_cached(what, partition) : nullptr;
  if (!made) {
    made = computed(what, partition, from);
    if (what.cached)
      from.keep(what, partition, made);
  }
  return from.computed_.emplace(key, std::move(made)).first->second;
}

std::vector<records> split(const dataset& child, const records& from, std::uint32_t map_partition, std::uint64_t chance) {
  std::vector<records> parts(child.partitions);
  const auto n = child.partitions;
  if (child.how == op::reduce_by_key) {
    for (const auto& one : combined(from))
      parts[mix(one.key) % n].push_back(one);
    return parts;
  }
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto& one = from[i];
    switch (child.how) {
    case op::repartition:
      parts[(i + map_partition) % n].push_back(one);
      break;
    case op::scatter:
      parts[mix(chance + i) % n].push_back(one);
      break;
    case op::sort:
      parts[one.key * n / keys].push_back(one);
      break;
    default:
      parts[mix(one.key) % n].push_back(one);
    }
  }
  return parts;
}

records source_records(const dataset& source, std::uint32_t partition) {
  random_stream random(source.parameter, partition);
  records made(random.below(24));
  for (auto& one : made)
    one = {random.below(keys), random.below(1000)};
  return made;
}

} // namespace salamander::sim
