#include <salamander/storage/block_store.hpp>

#include <salamander/storage/crc32c.hpp>

#include <algorithm>
#include <cstring>

namespace salamander::storage {
namespace {

/// Ids of shuffles are never used twice, so remembering the last ones is enough to refuse the commits of late tasks.
constexpr std::size_t dropped_shuffles_max = 1024;
/// A task that is later than so many drops of datasets may leave a block behind; it goes when memory is wanted.
constexpr std::size_t dropped_datasets_max = 1024;

bool intact(const stored_block& block) {
  return !block.checksum || crc32c(*static_cast<const std::vector<std::byte>*>(block.object.get())) == *block.checksum;
}

stored_block block_of(const map_output& output, std::uint32_t reduce) {
  if (reduce >= output.blocks.size() || !output.blocks[reduce])
    return {};
  std::optional<std::uint32_t> checksum;
  if (reduce < output.checksums.size())
    checksum = output.checksums[reduce];
  return {output.blocks[reduce], output.encode, 0, checksum};
}

/// attempt u64, fingerprint u64, number of reduce partitions u32; then a byte for each: 1, it has records, or 0.
constexpr std::size_t outline_header_bytes = 20;

} // namespace

std::vector<std::byte> encode_outline(const map_output& output) {
  const auto count = static_cast<std::uint32_t>(output.blocks.size());
  std::vector<std::byte> bytes(outline_header_bytes + count);
  std::memcpy(bytes.data(), &output.attempt, 8);
  std::memcpy(bytes.data() + 8, &output.fingerprint, 8);
  std::memcpy(bytes.data() + 16, &count, 4);
  for (std::size_t i = 0; i < count; ++i)
    bytes[outline_header_bytes + i] = std::byte(output.blocks[i] ? 1 : 0);
  return bytes;
}

std::optional<map_outline> decode_outline(std::span<const std::byte> bytes) {
  if (bytes.size() < outline_header_bytes)
    return std::nullopt;
  map_outline outline;
  std::uint32_t count = 0;
  std::memcpy(&outline.attempt, bytes.data(), 8);
  std::memcpy(&outline.fingerprint, bytes.data() + 8, 8);
  std::memcpy(&count, bytes.data() + 16, 4);
  if (bytes.size() - outline_header_bytes != count)
    return std::nullopt;
  for (const auto one : bytes.subspan(outline_header_bytes))
    outline.has_records.push_back(one != std::byte(0));
  return outline;
}

block_store::~block_store() {
  for (const auto& entry : recency_)
    memory_.release(memory_use::cache, entry.block.size_bytes);
  for (const auto& [id, block] : kept_)
    memory_.release(memory_use::blocks, block.size_bytes);
  for (const auto& [shuffle, outputs] : shuffles_)
    for (const auto& [map, output] : outputs)
      memory_.release(memory_use::blocks, output.size_bytes);
}

bool block_store::make_room(memory_use use, std::uint64_t bytes, std::optional<std::uint32_t> cached_for, garbage& dropped) {
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
      if ((cached_for && entry->id.a == *cached_for) || entry->block.object.use_count() > 1)
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

put_outcome block_store::put(const block_id& id, stored_block block, std::uint64_t ordered_at, room from) {
  garbage dropped;
  const std::lock_guard lock(mutex_);
  return id.kind == block_kind::cached ? put_cached(id, block, ordered_at, from, dropped) : put_kept(id, block, dropped);
}

put_outcome block_store::put_cached(const block_id& id, stored_block& block, std::uint64_t ordered_at, room from, garbage& dropped) {
  const auto since = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(drops_ - std::min(ordered_at, drops_), dropped_datasets_.size()));
  const bool too_late = std::find(dropped_datasets_.end() - since, dropped_datasets_.end(), id.a) != dropped_datasets_.end();
  if (too_late || cached_.contains(id)) {
    dropped.push_back(std::move(block.object));
    return put_outcome::existed;
  }
  if (from == room::free_only ? !memory_.try_acquire(memory_use::cache, block.size_bytes)
                              : !make_room(memory_use::cache, block.size_bytes, id.a, dropped))
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
  if (!make_room(memory_use::blocks, block.size_bytes, std::nullopt, dropped)) {
    if (id.kind == block_kind::result)
      return put_outcome::refused;
    memory_.acquire_always(memory_use::blocks, block.size_bytes);
  }
  kept_.emplace(id, std::move(block));
  return put_outcome::stored;
}

put_outcome block_store::commit_map_output(std::uint32_t shuffle, std::uint32_t map, map_output output, room from) {
  garbage dropped;
  const std::lock_guard lock(mutex_);
  if (std::find(dropped_shuffles_.begin(), dropped_shuffles_.end(), shuffle) != dropped_shuffles_.end())
    return put_outcome::existed;
  auto& outputs = shuffles_[shuffle];
  const auto earlier = outputs.find(map);
  if (earlier != outputs.end() && earlier->second.attempt >= output.attempt)
    return put_outcome::existed;
  if (earlier != outputs.end())
    drop_output_locked(shuffle, map, dropped);
  if (from == room::free_only ? !memory_.try_acquire(memory_use::blocks, output.size_bytes)
                              : !make_room(memory_use::blocks, output.size_bytes, std::nullopt, dropped))
    return put_outcome::refused;
  outputs.emplace(map, std::move(output));
  return put_outcome::stored;
}

std::uint64_t block_store::drops() const {
  const std::lock_guard lock(mutex_);
  return drops_;
}

std::uint64_t block_store::fingerprint_of(std::uint32_t shuffle, std::uint32_t map) const {
  const std::lock_guard lock(mutex_);
  const auto outputs = shuffles_.find(shuffle);
  if (outputs == shuffles_.end())
    return 0;
  const auto output = outputs->second.find(map);
  return output == outputs->second.end() ? 0 : output->second.fingerprint;
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
    const auto* output = output_locked(id.a, id.b);
    return output ? std::optional(block_of(*output, id.c)) : std::nullopt;
  }
  case block_kind::outline: {
    const auto* output = output_locked(id.a, id.b);
    if (!output)
      return std::nullopt;
    return stored_block{std::make_shared<const std::vector<std::byte>>(encode_outline(*output))};
  }
  case block_kind::source:
  case block_kind::result:
  case block_kind::plan:
  case block_kind::broadcast:
    break;
  }
  const auto found = kept_.find(id);
  if (found == kept_.end())
    return std::nullopt;
  return found->second;
}

const map_output* block_store::output_locked(std::uint32_t shuffle, std::uint32_t map) const {
  const auto outputs = shuffles_.find(shuffle);
  if (outputs == shuffles_.end())
    return nullptr;
  const auto output = outputs->second.find(map);
  return output == outputs->second.end() ? nullptr : &output->second;
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
  drop_locked(id, dropped);
}

bool block_store::drop_locked(const block_id& id, garbage& dropped) {
  if (id.kind == block_kind::cached) {
    const auto found = cached_.find(id);
    if (found == cached_.end())
      return false;
    memory_.release(memory_use::cache, found->second->block.size_bytes);
    dropped.push_back(std::move(found->second->block.object));
    recency_.erase(found->second);
    cached_.erase(found);
    return true;
  }
  const auto found = kept_.find(id);
  if (found == kept_.end())
    return false;
  memory_.release(memory_use::blocks, found->second.size_bytes);
  dropped.push_back(std::move(found->second.object));
  kept_.erase(found);
  return true;
}

bool block_store::drop_output_locked(std::uint32_t shuffle, std::uint32_t map, garbage& dropped) {
  const auto outputs = shuffles_.find(shuffle);
  if (outputs == shuffles_.end())
    return false;
  const auto output = outputs->second.find(map);
  if (output == outputs->second.end())
    return false;
  memory_.release(memory_use::blocks, output->second.size_bytes);
  for (auto& block : output->second.blocks)
    dropped.push_back(std::move(block));
  outputs->second.erase(output);
  return true;
}

bool block_store::discard(const block_id& id) {
  garbage dropped;
  const std::lock_guard lock(mutex_);
  switch (id.kind) {
  case block_kind::cached:
    if (!drop_locked(id, dropped))
      return false;
    evictions_.push_back(id);
    return true;
  case block_kind::shuffle:
    return drop_output_locked(id.a, id.b, dropped);
  case block_kind::result:
    return drop_locked(id, dropped);
  case block_kind::broadcast: {
    // It may have been damaged on its way to that reader only; others can still be served.
    const auto found = kept_.find(id);
    if (found == kept_.end() || intact(found->second))
      return false;
    return drop_locked(id, dropped);
  }
  case block_kind::source:
  case block_kind::plan:
  case block_kind::outline:
    break;
  }
  return false;
}

void block_store::drop_map_output(std::uint32_t shuffle, std::uint32_t map, std::optional<std::uint64_t> attempt) {
  garbage dropped;
  const std::lock_guard lock(mutex_);
  const auto outputs = shuffles_.find(shuffle);
  if (outputs == shuffles_.end())
    return;
  const auto output = outputs->second.find(map);
  if (output != outputs->second.end() && (!attempt || output->second.attempt == *attempt))
    drop_output_locked(shuffle, map, dropped);
}

void block_store::drop_all(block_kind kind, std::uint32_t a) {
  std::vector<block_id> names;
  {
    const std::lock_guard lock(mutex_);
    if (kind == block_kind::cached) {
      ++drops_;
      dropped_datasets_.push_back(a);
      if (dropped_datasets_.size() > dropped_datasets_max)
        dropped_datasets_.pop_front();
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

bool block_store::reserve(std::uint64_t bytes, std::optional<std::uint32_t> cached_for) {
  if (memory_.try_acquire(memory_use::execution, bytes))
    return true;
  garbage dropped;
  const std::lock_guard lock(mutex_);
  return make_room(memory_use::execution, bytes, cached_for, dropped);
}

std::vector<block_id> block_store::take_evictions() {
  const std::lock_guard lock(mutex_);
  std::vector<block_id> taken;
  taken.swap(evictions_);
  std::erase_if(taken, [&](const block_id& id) { return cached_.contains(id); });
  return taken;
}

} // namespace salamander::storage
