// What tasks exchange: records of one partition, as a typed object inside a process or as bytes between processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace salamander::core {

using byte_buffer = std::vector<std::byte>;

/// A typed, immutable set of records that can turn itself into bytes.
/// Threads: const members may be called from any thread at once.
class block_object {
public:
  block_object() = default;
  block_object(const block_object&) = delete;
  block_object& operator=(const block_object&) = delete;
  virtual ~block_object() = default;

  /// Bytes held in memory, allocations of records included as far as they are known.
  virtual std::size_t memory_bytes() const noexcept = 0;
  virtual std::size_t record_count() const noexcept = 0;

  /// A number that is the same for the same contents in the same order, and almost surely another for others; 0: unknown.
  /// Cheap: about the cost of reading the contents once.
  virtual std::uint64_t fingerprint() const {
    return 0;
  }

  /// Appends the encoded form. Errors: whatever a user's packing code throws.
  virtual void encode(byte_buffer& out) const = 0;
};

/// Either the typed object (same process) or its encoded form (came from another process). Empty: no block.
struct block {
  std::shared_ptr<const block_object> object;
  std::shared_ptr<const byte_buffer> bytes;

  explicit operator bool() const noexcept {
    return object != nullptr || bytes != nullptr;
  }

  std::size_t size_bytes() const noexcept {
    return object ? object->memory_bytes() : bytes ? bytes->size() : 0;
  }
};

} // namespace salamander::core
