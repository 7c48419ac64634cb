// Files of typed records, which can be cut between blocks.
//
//   "SALOBJ01" | u32 bytes of what follows | u64 fingerprint | schema text | type name | u32 CRC-32 of all that
//   blocks: records by codec.hpp, as they are or as a zstd frame
//   for each block: u64 offset | u32 bytes | u32 bytes unpacked | u32 records | u32 CRC-32 of the bytes
//   u64 offset of these | u32 blocks | u32 CRC-32 of these | "SALOBJ01"
//
// Numbers are little-endian; texts have a varint length. A block is a zstd frame when it is shorter than what is in it. What comes last
// says that the file is whole, and where its blocks are: a split reads those that begin in it.
#pragma once

#include <salamander/rdd/file_listing.hpp>
#include <salamander/rdd/part_writer.hpp>
#include <salamander/rdd/schema.hpp>

namespace salamander::core {

/// Where a block lies.
struct object_block {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t unpacked_bytes = 0;
  std::uint32_t records = 0;
  std::uint32_t checksum = 0;
};

/// Writes a part as an object file. Used by one thread. Errors: of part_writer; errc::not_serializable for a record of 1 GiB or more.
class object_writer {
public:
  /// `packing`: of the blocks; none or zstd.
  object_writer(std::unique_ptr<part_writer> part, compression packing, const record_schema& schema);

  /// The record that is written to `buffer` next ends with the call of `record_done`.
  byte_buffer& buffer() noexcept {
    return block_;
  }
  void record_done() {
    ++block_records_;
    if (block_.size() >= block_bytes)
      end_block();
  }
  std::uint64_t records() const noexcept {
    return part_->records() + block_records_;
  }
  written_part close();

private:
  static constexpr std::size_t block_bytes = 1U << 20;

  void end_block();
  void append(std::string_view bytes, std::uint64_t records);

  std::unique_ptr<part_writer> part_;
  compression packing_;
  byte_buffer block_;
  std::string packed_;
  std::uint32_t block_records_ = 0;
  std::uint64_t offset_ = 0;
  std::vector<object_block> blocks_;
};

/// A byte range of an object file.
struct object_split {
  std::string path;
  std::uint64_t file_bytes = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Cuts object files as plan_splits cuts text. Errors: of plan_splits.
std::vector<object_split> plan_object_splits(const std::vector<input_file>& files, std::uint32_t partitions_min,
                                             std::uint64_t partition_bytes_max);

/// Errors: errc::wrong_type naming the file and both types when it does not hold what `wanted` says; errc::corrupt_data when it is no
/// object file; errc::io_error.
void check_object_file(const std::string& path, const record_schema& wanted);

/// Reads the blocks that begin in a split. Used by one thread. Errors: of check_object_file; errc::corrupt_data with file and place.
class object_reader {
public:
  object_reader(const object_split& split, const record_schema& wanted);

  /// How many bytes the next block takes while it is read; 0 at the end.
  std::uint64_t next_bytes() const noexcept;
  /// The next block's bytes, valid until the next call, and how many records they are. Requires: next_bytes() != 0.
  std::pair<std::span<const std::byte>, std::uint32_t> next();
  std::uint64_t bytes_read() const noexcept {
    return bytes_read_;
  }
  /// Of the block that was read last; for messages.
  [[noreturn]] void corrupt(const std::string& why) const;

private:
  std::string path_;
  std::vector<object_block> blocks_;
  std::size_t at_ = 0;
  std::uint64_t bytes_read_ = 0;
  byte_buffer stored_;
  byte_buffer unpacked_;
};

} // namespace salamander::core
