// The hash table behind combining and grouping: insert-only, entries dense in order of first insertion.
#pragma once

#include <salamander/rdd/hash.hpp>
#include <salamander/rdd/memory_claim.hpp>

#include <cstdint>
#include <vector>

namespace salamander::core {

/// Maps keys to values. Iteration is over a plain array in insertion order, so results do not depend on hash values, and the array
/// itself becomes a block. Slots are 8 bytes: {upper hash bits, entry index + 1}; a probe compares bits before it touches an entry.
/// Limits: 2^32 - 2 keys. Used by one thread.
template <class Key, class Value>
class combine_table {
  struct slot {
    std::uint32_t bits = 0;
    std::uint32_t entry = 0; ///< 0: free
  };

public:
  using entry_type = std::pair<Key, Value>;

  combine_table() : slots_(64) {}

  /// The index of the key's entry, or of a new one: `make()` gives its {key, value}.
  template <class Lookup, class Make>
  std::size_t find_or_add(const Lookup& key, std::uint64_t hash, Make&& make) {
    const auto bits = static_cast<std::uint32_t>(hash >> 32);
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      slot& here = slots_[at];
      if (here.entry == 0) {
        entries_.push_back(make());
        here = {bits, static_cast<std::uint32_t>(entries_.size())};
        low_.push_back(static_cast<std::uint32_t>(hash));
        if (entries_.size() * 8 > slots_.size() * 5)
          grow();
        return entries_.size() - 1;
      }
      if (here.bits == bits && same_key(entries_[here.entry - 1].first, key))
        return here.entry - 1;
    }
  }

  /// The value of a key, made by `make()` when it is new, else handed to `merge(value&)`.
  template <class Lookup, class Make, class Merge>
  void upsert(const Lookup& key, std::uint64_t hash, Make&& make, Merge&& merge) {
    const auto before = entries_.size();
    const auto index = find_or_add(key, hash, std::forward<Make>(make));
    if (entries_.size() == before)
      merge(entries_[index].second);
  }

  /// Asks for the memory of a key's slot, long before the key is looked up.
  void prefetch_slot(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }
  /// Asks for the memory of the entry that the key's slot names, a little before the key is looked up.
  void prefetch_entry(std::uint64_t hash) const noexcept {
    const auto entry = slots_[hash & (slots_.size() - 1)].entry;
    if (entry != 0)
      __builtin_prefetch(&entries_[entry - 1]);
  }

  std::vector<entry_type>& entries() noexcept {
    return entries_;
  }
  std::size_t size() const noexcept {
    return entries_.size();
  }
  /// Bytes of the table itself; what keys and values hold elsewhere is left out.
  std::size_t memory_bytes() const noexcept {
    return entries_.capacity() * sizeof(entry_type) + slots_.capacity() * sizeof(slot) + low_.capacity() * sizeof(std::uint32_t);
  }
  /// The most it takes while up to `more` keys are added: what grows is there twice for a moment.
  std::size_t bytes_while_adding(std::size_t more) const noexcept {
    const auto keys = entries_.size() + more;
    auto slots = slots_.size();
    while (keys * 8 > slots * 5)
      slots *= 2;
    const auto index = slots == slots_.size() ? slots : slots + slots / 2;
    return bytes_while_growing(entries_.size(), entries_.capacity(), more, sizeof(entry_type)) +
           bytes_while_growing(low_.size(), low_.capacity(), more, sizeof(std::uint32_t)) + index * sizeof(slot) +
           (index == slots ? 0 : keys * sizeof(std::uint32_t));
  }
  /// Gives the index's memory back when only the entries are needed any more.
  void drop_index() {
    slots_ = std::vector<slot>();
    low_ = std::vector<std::uint32_t>();
  }

private:
  void grow() {
    std::vector<slot> bigger(slots_.size() * 2);
    const std::size_t mask = bigger.size() - 1;
    // Entries go in again in order; the low hash bits are kept aside, the high ones are in the old slots.
    std::vector<std::uint32_t> bits(entries_.size());
    for (const slot& old : slots_)
      if (old.entry != 0)
        bits[old.entry - 1] = old.bits;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto hash = (static_cast<std::uint64_t>(bits[i]) << 32) | low_[i];
      std::size_t at = hash & mask;
      while (bigger[at].entry != 0)
        at = (at + 1) & mask;
      bigger[at] = {bits[i], static_cast<std::uint32_t>(i + 1)};
    }
    slots_ = std::move(bigger);
  }

  std::vector<slot> slots_;
  std::vector<entry_type> entries_;
  std::vector<std::uint32_t> low_;
};

} // namespace salamander::core
