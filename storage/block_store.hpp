// The blocks of one process, typed or as bytes, under one memory budget.
#pragma once

#include <salamander/storage/block_id.hpp>
#include <salamander/storage/memory_manager.hpp>

#include <deque>
#include <limits>
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
  /// CRC-32C of the bytes, made when they were encoded, so that whoever reads them knows that nothing happened to them since. An object
  /// has none: its first checksum is made of what `encode` gives, and covers the way from there to the reader.
  std::optional<std::uint32_t> checksum = {};
};

/// All blocks that one map task made, as one entry: a shuffle of 1000 x 1000 partitions takes 1000 of these, not a million.
struct map_output {
  std::vector<std::shared_ptr<const void>> blocks; ///< by reduce partition; null: no records
  block_encoder encode = nullptr;
  std::uint64_t size_bytes = 0;  ///< of all blocks together
  std::uint64_t attempt = 0;     ///< who made it
  std::uint64_t fingerprint = 0; ///< of its contents; 0: unknown
  /// By reduce partition, of blocks that are bytes; empty when they are objects.
  std::vector<std::uint32_t> checksums = {};
};

/// All that is to be known of a map output before its blocks are fetched: what block_kind::outline holds.
struct map_outline {
  std::uint64_t attempt = 0;
  std::uint64_t fingerprint = 0;
  std::vector<bool> has_records; ///< by reduce partition
};
std::vector<std::byte> encode_outline(const map_output& output);
/// Nothing when the bytes are no outline.
std::optional<map_outline> decode_outline(std::span<const std::byte> bytes);

/// Where the memory for a block may come from.
enum class room : std::uint8_t {
  by_eviction, ///< cached blocks make place
  free_only,   ///< for what would only push out others like it
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
  /// owner holds them anyway. `ordered_at`: for a cached block, `drops()` when the work that made it was ordered; `existed` if its
  /// dataset was dropped since then, so that late tasks leave nothing behind that nobody will drop.
  put_outcome put(const block_id& id, stored_block block, std::uint64_t ordered_at = newest, room from = room::by_eviction);
  static constexpr std::uint64_t newest = std::numeric_limits<std::uint64_t>::max();

  /// How often cached blocks of a dataset were dropped by name so far.
  std::uint64_t drops() const;

  /// Keeps a whole map output. Of two attempts of one map partition the later one counts: the driver starts it only when it has given
  /// up the earlier one, whose output may be out of date. `existed` for the earlier one, if it comes later, and for a shuffle that was
  /// dropped lately.
  put_outcome commit_map_output(std::uint32_t shuffle, std::uint32_t map, map_output output, room from = room::by_eviction);
  /// The fingerprint of a map output that is kept here; 0: unknown, or there is none.
  std::uint64_t fingerprint_of(std::uint32_t shuffle, std::uint32_t map) const;

  /// The block, or nothing when it is not here; a stored_block without object is a shuffle block without records.
  std::optional<stored_block> find(const block_id& id);

  /// The blocks that `maps` made for one reduce partition, in that order, under one lock.
  std::vector<std::optional<stored_block>> find_shuffle(std::uint32_t shuffle, std::uint32_t reduce, std::span<const std::uint32_t> maps);

  void drop(const block_id& id);
  /// Drops what a reader found damaged, so that it is made anew and not served again: a cached block, which then counts as evicted; for a
  /// shuffle block the whole output of its map task, since that is what is computed again; a result; a piece of a broadcast value, if it is
  /// damaged here and not on its way. Sources and plans stay: there is no
  /// other copy of them, and the reader's error is all that can be done. False: nothing was dropped.
  bool discard(const block_id& id);
  /// Drops all blocks that one map task made; another attempt may commit it again. `attempt`: only if this one made them.
  void drop_map_output(std::uint32_t shuffle, std::uint32_t map, std::optional<std::uint64_t> attempt = std::nullopt);
  /// Drops all blocks of a kind whose first number is `a`: a dataset's cached or source blocks, a stage's plans.
  void drop_all(block_kind kind, std::uint32_t a);
  /// Also refuses late commits, as far as the last thousand dropped shuffles are concerned.
  void drop_shuffle(std::uint32_t shuffle);

  /// Takes execution memory, evicting cached blocks when needed. False: it cannot be had, and nothing was evicted.
  /// `cached_for`: the dataset that the memory is to be a cached block of; its blocks are not evicted, as by `put`.
  bool reserve(std::uint64_t bytes, std::optional<std::uint32_t> cached_for = std::nullopt);
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

  bool make_room(memory_use use, std::uint64_t bytes, std::optional<std::uint32_t> cached_for, garbage& dropped);
  put_outcome put_cached(const block_id& id, stored_block& block, std::uint64_t ordered_at, room from, garbage& dropped);
  put_outcome put_kept(const block_id& id, stored_block& block, garbage& dropped);
  std::optional<stored_block> find_locked(const block_id& id);
  const map_output* output_locked(std::uint32_t shuffle, std::uint32_t map) const;
  bool drop_locked(const block_id& id, garbage& dropped);
  bool drop_output_locked(std::uint32_t shuffle, std::uint32_t map, garbage& dropped);

  memory_manager& memory_;
  mutable std::mutex mutex_;
  recency_list recency_;
  std::unordered_map<block_id, recency_list::iterator, block_id_hash> cached_;
  std::unordered_map<block_id, stored_block, block_id_hash> kept_;
  std::unordered_map<std::uint32_t, std::unordered_map<std::uint32_t, map_output>> shuffles_;
  std::deque<std::uint32_t> dropped_shuffles_;
  std::deque<std::uint32_t> dropped_datasets_; ///< the last ones, latest last
  std::uint64_t drops_ = 0;                    ///< how many there were in all
  std::vector<block_id> evictions_;
};

} // namespace salamander::storage
