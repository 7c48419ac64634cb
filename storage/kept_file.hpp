// A file of blocks that is there whole or not at all, for whoever comes after the process that wrote it.
//
//   file:   "SALKEPT1" | u64 blocks | u64 bytes of notes | u64 fingerprint | (u64 length, u32 CRC-32C) of each block | notes |
//           u32 CRC-32C of all before | the blocks, one after the other          (little endian)
//
// A block without records has the length `no_records`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace salamander::storage {

/// Writes one. It gets its name in `commit`; before, and if that is never called, it has another one, and goes. Of several writers of one
/// name the first one's file stays: nobody who has read it will find other bytes there. Threads: one at a time. Errors: std::system_error (a full disk: std::errc::no_space_on_device).
class kept_writer {
public:
  /// Room for this many blocks, and for notes of this size. The directory has to be there.
  kept_writer(std::filesystem::path path, std::size_t blocks, std::size_t notes_bytes);
  kept_writer(const kept_writer&) = delete;
  kept_writer& operator=(const kept_writer&) = delete;
  ~kept_writer();

  /// The next block. Requires: fewer than `blocks` were added.
  void add(std::span<const std::byte> bytes);
  void add_empty();

  /// False: there is a file of that name, and it stays. Requires: all blocks were added; `notes` is as long as was said.
  bool commit(std::uint64_t fingerprint, std::span<const std::byte> notes);

private:
  struct entry {
    std::uint64_t length = 0;
    std::uint32_t checksum = 0;
  };

  void write(std::span<const std::byte> bytes, std::uint64_t offset);

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  std::size_t blocks_;
  std::size_t notes_bytes_;
  std::vector<entry> entries_;
  std::uint64_t end_;
};

/// Reads one. Threads: `block` may be called from several at once.
/// Errors: std::system_error when it is not there or cannot be read; std::runtime_error naming the file when it is none, or damaged.
class kept_reader {
public:
  static constexpr std::uint64_t no_records = std::numeric_limits<std::uint64_t>::max();
  /// Of a file; more are a damaged one's.
  static constexpr std::uint64_t blocks_max = 1U << 24;
  static constexpr std::uint64_t notes_bytes_max = 64U << 20;

  explicit kept_reader(const std::filesystem::path& path);
  kept_reader(const kept_reader&) = delete;
  kept_reader& operator=(const kept_reader&) = delete;
  ~kept_reader();

  std::size_t blocks() const noexcept {
    return entries_.size();
  }
  std::uint64_t fingerprint() const noexcept {
    return fingerprint_;
  }
  const std::vector<std::byte>& notes() const noexcept {
    return notes_;
  }
  /// Nothing for a block without records. Requires: index < blocks(). Errors: as above, also when its bytes are not what was written.
  std::optional<std::vector<std::byte>> block(std::size_t index) const;
  std::uint64_t bytes_of(std::size_t index) const noexcept {
    return entries_[index].length == no_records ? 0 : entries_[index].length;
  }

private:
  struct entry {
    std::uint64_t length = 0;
    std::uint32_t checksum = 0;
    std::uint64_t offset = 0;
  };

  void read_head();
  void read(std::span<std::byte> into, std::uint64_t offset) const;
  [[noreturn]] void damaged(const char* how) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t fingerprint_ = 0;
  std::vector<entry> entries_;
  std::vector<std::byte> notes_;
};

} // namespace salamander::storage
