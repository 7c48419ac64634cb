// The blocks of one process, typed or as bytes, under one memory budget.
#pragma once

#include <salamander/storage/block_id.hpp>
#include <salamander/storage/memory_manager.hpp>

#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace salamander::storage {

/// Appends the encoded form of an object. May throw what user code throws.
using block_encoder = void (*)(const void* object, std::vector<std::byte>& out);

/// A block without its type: an object that can be encoded, or bytes.
struct stored_block {
  std::shared_ptr<const void> object; ///< null: a block without records
  block_encoder encode = nullptr;     ///< null: `object` is a std::vector<std::byte> that is encoded already
  std::uint64_t size_bytes = 0;       ///< as accounted; 0 for a shuffle block, which is accounted with its map output
};

/// All blocks that one map task made, as one entry: a shuffle of 1000 x 1000 partitions takes 1000 of these, not a million.
struct map_output {
  std::vector<std::shared_ptr<const void>> blocks; ///< by reduce partition; null: no records
  block_encoder encode = nullptr;
  std::uint64_t size_bytes = 0; ///< of all blocks together
  std::uint64_t attempt = 0;    ///< who made it
};

enum class put_outcome : std::uint8_t {
  stored,
  existed, ///< a block with that name is there; the new one was dropped
  refused, ///< it does not fit; nothing was stored, and nothing was evicted for it
};

/// Keeps blocks by name. Cached blocks leave when memory is wanted, the least recently used first; all others stay until dropped.
/// A cached block that somebody reads (holds a pointer to) is not evicted. Bytes accounted are those of the blocks kept here.
/// Threads: any. Blocks are destroyed outside the lock.
class block_store {
public:
  explicit block_store(memory_manager& memory) : memory_(memory) {}
  block_store(const block_store&) = delete;
  block_store& operator=(const block_store&) = delete;
  ~block_store();

  /// Keeps a block of any kind but shuffle. A cached block evicts least recently used blocks of other datasets (never of its own:
  /// scanning a dataset that does not fit would push out each block just before its turn). Sources and plans are never refused: their
  /// owner holds them anyway.
  put_outcome put(const block_id& id, stored_block block);

  /// Keeps a whole map output; the first one of a map partition wins. `existed` also for a shuffle that was dropped lately.
  put_outcome commit_map_output(std::uint32_t shuffle, std::uint32_t map, map_output output);

  /// The block, or nothing when it is not here; a stored_block without object is a shuffle block without records.
  std::optional<stored_block> find(const block_id& id);

  /// The blocks that `maps` made for one reduce partition, in that order, under one lock.
  std::vector<std::optional<stored_block>> find_shuffle(std::uint32_t shuffle, std::uint32_t reduce, std::span<const std::uint32_t> maps);

  void drop(const block_id& id);
  /// Drops all blocks of a kind whose first number is `a`: a dataset's cached or source blocks, a stage's plans.
  void drop_all(block_kind kind, std::uint32_t a);
  /// Also refuses late commits, as far as the last thousand dropped shuffles are concerned.
  void drop_shuffle(std::uint32_t shuffle);

  /// Takes execution memory, evicting cached blocks when needed. False: it cannot be had, and nothing was evicted.
  bool reserve(std::uint64_t bytes);
  void release(std::uint64_t bytes) noexcept {
    memory_.release(memory_use::execution, bytes);
  }

  /// Names of cached blocks evicted since the last call that have not come back.
  std::vector<block_id> take_evictions();

  memory_manager& memory() noexcept {
    return memory_;
  }

private:
  struct cached_entry {
    block_id id;
    stored_block block;
  };
  using recency_list = std::list<cached_entry>; ///< least recently used first
  using garbage = std::vector<std::shared_ptr<const void>>;

  bool make_room(memory_use use, std::uint64_t bytes, const block_id* cached_for, garbage& dropped);
  put_outcome put_cached(const block_id& id, stored_block& block, garbage& dropped);
  put_outcome put_kept(const block_id& id, stored_block& block, garbage& dropped);
  std::optional<stored_block> find_locked(const block_id& id);

  memory_manager& memory_;
  std::mutex mutex_;
  recency_list recency_;
  std::unordered_map<block_id, recency_list::iterator, block_id_hash> cached_;
  std::unordered_map<block_id, stored_block, block_id_hash> kept_;
  std::unordered_map<std::uint32_t, std::unordered_map<std::uint32_t, map_output>> shuffles_;
  std::deque<std::uint32_t> dropped_shuffles_;
  std::vector<block_id> evictions_;
};

} // namespace salamander::storage
