// The data of simulated jobs: pairs of small integers, and their blocks.
#pragma once

#include <salamander/storage/block_store.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace salamander::sim {

struct record {
  std::uint32_t key = 0;
  std::int64_t value = 0;

  friend auto operator<=>(const record&, const record&) = default;
};
using records = std::vector<record>;
using byte_buffer = std::vector<std::byte>;

/// What a block takes in memory, as executors account for it.
constexpr std::uint64_t memory_bytes_of(const records& of) noexcept {
  return 64 + 16 * of.size();
}

/// A hash of the contents that does not depend on their order within a partition. Never 0.
std::uint64_t fingerprint_of(const records& of) noexcept;

/// count u32, then key u32 and value i64 of each, then a hash of all that, which is not the checksum of frames and blocks: it tells
/// whether bytes that were let through are those that were sent.
void encode(const records& from, byte_buffer& out);
/// Nothing when the bytes are not what `encode` made.
std::optional<records> decode(std::span<const std::byte> bytes);

/// The same as typed block of a block_store, which encodes it when somebody else asks for it.
storage::stored_block typed_block(records of);
/// What a block holds, in either form; nothing when its bytes have changed.
std::optional<records> records_of(const storage::stored_block& block);
/// As bytes.
storage::stored_block encoded_block(const records& of);
void encode_object(const void* object, byte_buffer& out);

} // namespace salamander::sim
