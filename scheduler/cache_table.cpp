#include <salamander/scheduler/cache_table.hpp>

#include <algorithm>

namespace salamander::scheduler {

void cache_table::add(cached_block block, executor_id executor) {
  auto& found = datasets_[block.dataset];
  if (found.holders.size() <= block.partition)
    found.holders.resize(block.partition + std::size_t{1});
  auto& holders = found.holders[block.partition];
  if (std::find(holders.begin(), holders.end(), executor) != holders.end())
    return;
  found.present += holders.empty() ? 1 : 0;
  holders.push_back(executor);
}

void cache_table::declare(rdd_id dataset, std::vector<shuffle_id> made_from) {
  datasets_[dataset].made_from = std::move(made_from);
}

std::vector<rdd_id> cache_table::made_from(const std::set<shuffle_id>& shuffles) const {
  std::vector<rdd_id> found;
  for (const auto& [id, held] : datasets_)
    if (std::any_of(held.made_from.begin(), held.made_from.end(), [&](auto shuffle) { return shuffles.contains(shuffle); }))
      found.push_back(id);
  return found;
}

void cache_table::remove(cached_block block, executor_id executor) {
  const auto it = datasets_.find(block.dataset);
  if (it == datasets_.end() || block.partition >= it->second.holders.size())
    return;
  auto& holders = it->second.holders[block.partition];
  if (std::erase(holders, executor) > 0 && holders.empty() && --it->second.present == 0)
    datasets_.erase(it);
}

void cache_table::remove_dataset(rdd_id dataset) {
  datasets_.erase(dataset);
}

void cache_table::remove_dataset(rdd_id dataset, executor_id executor) {
  for (std::uint32_t p = 0, end = static_cast<std::uint32_t>(partition_slots(dataset)); p < end; ++p)
    remove({dataset, p}, executor);
}

std::size_t cache_table::partition_slots(rdd_id dataset) const {
  const auto it = datasets_.find(dataset);
  return it == datasets_.end() ? 0 : it->second.holders.size();
}

std::size_t cache_table::remove_executor(executor_id executor) {
  std::size_t removed = 0;
  for (auto it = datasets_.begin(); it != datasets_.end();) {
    for (auto& holders : it->second.holders)
      if (std::erase(holders, executor) > 0) {
        ++removed;
        it->second.present -= holders.empty() ? 1 : 0;
      }
    it = it->second.present == 0 ? datasets_.erase(it) : std::next(it);
  }
  return removed;
}

std::vector<cached_block> cache_table::held_by(executor_id executor) const {
  std::vector<cached_block> found;
  for (const auto& [dataset, held] : datasets_)
    for (std::uint32_t p = 0; p < held.holders.size(); ++p)
      if (std::find(held.holders[p].begin(), held.holders[p].end(), executor) != held.holders[p].end())
        found.push_back({dataset, p});
  return found;
}

std::span<const executor_id> cache_table::holders(rdd_id dataset, std::uint32_t partition) const {
  const auto it = datasets_.find(dataset);
  if (it == datasets_.end() || partition >= it->second.holders.size())
    return {};
  return it->second.holders[partition];
}

std::uint32_t cache_table::partitions(rdd_id dataset) const {
  const auto it = datasets_.find(dataset);
  return it == datasets_.end() ? 0 : it->second.present;
}

bool cache_table::complete(const core::lineage& dataset) const {
  return dataset.cached && partitions(dataset.id) >= dataset.partitions;
}

} // namespace salamander::scheduler
