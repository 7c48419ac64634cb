#include <salamander/storage/block_store.hpp>

#include <algorithm>

namespace salamander::storage {
namespace {

/// Ids of shuffles are never used twice, so remembering the last ones is enough to refuse the commits of late tasks.
constexpr std::size_t dropped_shuffles_max = 1024;

stored_block block_of(const map_output& output, std::uint32_t reduce) {
  if (reduce >= output.blocks.size() || !output.blocks[reduce])
    return {};
  return {output.blocks[reduce], output.encode, 0};
}

} // namespace

block_store::~block_store() {
  for (const auto& entry : recency_)
    memory_.release(memory_use::cache, entry.block.size_bytes);
  for (const auto& [id, block] : kept_)
    memory_.release(memory_use::blocks, block.size_bytes);
  for (const auto& [shuffle, outputs] : shuffles_)
    for (const auto& [map, output] : outputs)
      memory_.release(memory_use::blocks, output.size_bytes);
}

bool block_store::make_room(memory_use use, std::uint64_t bytes, const block_id* cached_for, garbage& dropped) {
  if (memory_.try_acquire(use, bytes))
    return true;
  if (bytes > memory_.budget_bytes())
    return false;
  std::vector<recency_list::iterator> victims;
  for (;;) {
    const auto missing = memory_.missing_bytes(bytes);
    std::uint64_t freed = 0;
    victims.clear();
    for (auto entry = recency_.begin(); entry != recency_.end() && freed < missing; ++entry) {
      // Pointers are handed out under the lock only: one owner means that nobody reads the block.
      if ((cached_for && entry->id.a == cached_for->a) || entry->block.object.use_count() > 1)
        continue;
      freed += entry->block.size_bytes;
      victims.push_back(entry);
    }
    if (freed < missing)
      return false;
    if (memory_.try_exchange(freed, use, bytes))
      break;
  }
  for (const auto victim : victims) {
    evictions_.push_back(victim->id);
    cached_.erase(victim->id);
    dropped.push_back(std::move(victim->block.object));
    recency_.erase(victim);
  }
  return true;
}

put_outcome block_store::put(const block_id& id, stored_block block) {
  garbage dropped;
  const std::lock_guard lock(mutex_);
  return id.kind == block_kind::cached ? put_cached(id, block, dropped) : put_kept(id, block, dropped);
}

put_outcome block_store::put_cached(const block_id& id, stored_block& block, garbage& dropped) {
  if (cached_.contains(id)) {
    dropped.push_back(std::move(block.object));
    return put_outcome::existed;
  }
  if (!make_room(memory_use::cache, block.size_bytes, &id, dropped))
    return put_outcome::refused;
  recency_.push_back({id, std::move(block)});
  cached_.emplace(id, std::prev(recency_.end()));
  return put_outcome::stored;
}

put_outcome block_store::put_kept(const block_id& id, stored_block& block, garbage& dropped) {
  if (kept_.contains(id)) {
    dropped.push_back(std::move(block.object));
    return put_outcome::existed;
  }
  if (!make_room(memory_use::blocks, block.size_bytes, nullptr, dropped)) {
    if (id.kind == block_kind::result)
      return put_outcome::refused;
    memory_.acquire_always(memory_use::blocks, block.size_bytes);
  }
  kept_.emplace(id, std::move(block));
  return put_outcome::stored;
}

put_outcome block_store::commit_map_output(std::uint32_t shuffle, std::uint32_t map, map_output output) {
  garbage dropped;
  const std::lock_guard lock(mutex_);
  if (std::find(dropped_shuffles_.begin(), dropped_shuffles_.end(), shuffle) != dropped_shuffles_.end())
    return put_outcome::existed;
  auto& outputs = shuffles_[shuffle];
  if (outputs.contains(map))
    return put_outcome::existed;
  if (!make_room(memory_use::blocks, output.size_bytes, nullptr, dropped))
    return put_outcome::refused;
  outputs.emplace(map, std::move(output));
  return put_outcome::stored;
}

std::optional<stored_block> block_store::find_locked(const block_id& id) {
  switch (id.kind) {
  case block_kind::cached: {
    const auto found = cached_.find(id);
    if (found == cached_.end())
      return std::nullopt;
    recency_.splice(recency_.end(), recency_, found->second);
    return found->second->block;
  }
  case block_kind::shuffle: {
    const auto outputs = shuffles_.find(id.a);
    if (outputs == shuffles_.end())
      return std::nullopt;
    const auto output = outputs->second.find(id.b);
    if (output == outputs->second.end())
      return std::nullopt;
    return block_of(output->second, id.c);
  }
  case block_kind::source:
  case block_kind::result:
  case block_kind::plan:
    break;
  }
  const auto found = kept_.find(id);
  if (found == kept_.end())
    return std::nullopt;
  return found->second;
}

std::optional<stored_block> block_store::find(const block_id& id) {
  const std::lock_guard lock(mutex_);
  return find_locked(id);
}

std::vector<std::optional<stored_block>> block_store::find_shuffle(std::uint32_t shuffle, std::uint32_t reduce,
                                                                   std::span<const std::uint32_t> maps) {
  std::vector<std::optional<stored_block>> found(maps.size());
  const std::lock_guard lock(mutex_);
  const auto outputs = shuffles_.find(shuffle);
  if (outputs == shuffles_.end())
    return found;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const auto output = outputs->second.find(maps[i]);
    if (output != outputs->second.end())
      found[i] = block_of(output->second, reduce);
  }
  return found;
}

void block_store::drop(const block_id& id) {
  garbage dropped;
  const std::lock_guard lock(mutex_);
  if (id.kind == block_kind::cached) {
    const auto found = cached_.find(id);
    if (found == cached_.end())
      return;
    memory_.release(memory_use::cache, found->second->block.size_bytes);
    dropped.push_back(std::move(found->second->block.object));
    recency_.erase(found->second);
    cached_.erase(found);
    return;
  }
  const auto found = kept_.find(id);
  if (found == kept_.end())
    return;
  memory_.release(memory_use::blocks, found->second.size_bytes);
  dropped.push_back(std::move(found->second.object));
  kept_.erase(found);
}

void block_store::drop_all(block_kind kind, std::uint32_t a) {
  std::vector<block_id> names;
  {
    const std::lock_guard lock(mutex_);
    if (kind == block_kind::cached) {
      for (const auto& entry : recency_)
        if (entry.id.a == a)
          names.push_back(entry.id);
    } else {
      for (const auto& [id, block] : kept_)
        if (id.kind == kind && id.a == a)
          names.push_back(id);
    }
  }
  for (const auto& name : names)
    drop(name);
}

void block_store::drop_shuffle(std::uint32_t shuffle) {
  std::unordered_map<std::uint32_t, map_output> dropped;
  const std::lock_guard lock(mutex_);
  dropped_shuffles_.push_back(shuffle);
  if (dropped_shuffles_.size() > dropped_shuffles_max)
    dropped_shuffles_.pop_front();
  const auto found = shuffles_.find(shuffle);
  if (found == shuffles_.end())
    return;
  for (const auto& [map, output] : found->second)
    memory_.release(memory_use::blocks, output.size_bytes);
  dropped = std::move(found->second);
  shuffles_.erase(found);
}

bool block_store::reserve(std::uint64_t bytes) {
  if (memory_.try_acquire(memory_use::execution, bytes))
    return true;
  garbage dropped;
  const std::lock_guard lock(mutex_);
  return make_room(memory_use::execution, bytes, nullptr, dropped);
}

std::vector<block_id> block_store::take_evictions() {
  const std::lock_guard lock(mutex_);
  std::vector<block_id> taken;
  taken.swap(evictions_);
  std::erase_if(taken, [&](const block_id& id) { return cached_.contains(id); });
  return taken;
}

} // namespace salamander::storage
