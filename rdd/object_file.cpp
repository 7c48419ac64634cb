#include <salamander/rdd/object_file.hpp>

#include <salamander/rdd/error.hpp>

#include <bit>
#include <zlib.h>
#include <zstd.h>

namespace salamander::core {
namespace {

constexpr std::string_view magic = "SALOBJ01";
constexpr std::size_t footer_bytes = 24;
constexpr std::size_t block_entry_bytes = 24;
constexpr std::size_t header_bytes_max = 1U << 20;
constexpr std::size_t record_bytes_max = 1U << 30;

std::uint32_t checksum(const void* bytes, std::size_t size) noexcept {
  return static_cast<std::uint32_t>(::crc32_z(0, static_cast<const Bytef*>(bytes), size));
}

/// FNV-1a: files outlive this program, so nothing that depends on the processor.
std::uint64_t fingerprint(std::string_view text) noexcept {
  std::uint64_t state = 0xcbf29ce484222325ULL;
  for (const char c : text)
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return state;
}

template <class N>
void put(byte_writer& out, N number) {
  static_assert(std::endian::native == std::endian::little, "object files are little-endian");
  out.raw(&number, sizeof number);
}

template <class N>
N take(byte_reader& in) {
  N number;
  std::memcpy(&number, in.raw(sizeof number), sizeof number);
  return number;
}

std::string_view text_of(const byte_buffer& bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

byte_buffer header_of(const record_schema& schema) {
  byte_buffer body;
  byte_writer out(body);
  put(out, fingerprint(schema.text));
  out.text(schema.text);
  out.text(schema.name);
  byte_buffer header;
  byte_writer whole(header);
  whole.raw(magic.data(), magic.size());
  put(whole, static_cast<std::uint32_t>(body.size()));
  whole.raw(body.data(), body.size());
  put(whole, checksum(header.data(), header.size()));
  return header;
}

[[noreturn]] void damaged(const std::string& path, const std::string& why) {
  throw_error(errc::corrupt_data, path + " is no whole object file: " + why);
}

/// `size` bytes at `offset`. Errors: errc::corrupt_data when the file ends before.
void read_at(const std::string& path, std::uint64_t offset, std::size_t size, byte_buffer& to) {
  to.resize(size);
  const auto source = open_source(path, compression::none, offset, offset + size);
  for (std::size_t filled = 0; filled < size;) {
    const auto got = source->read(reinterpret_cast<char*>(to.data()) + filled, size - filled);
    if (got == 0)
      damaged(path, "it ends at byte " + std::to_string(offset + filled));
    filled += got;
  }
}

/// Errors: as read_at; errc::corrupt_data, saying what is wrong, for whatever `parse` cannot read.
template <class Parse>
void parsed(const std::string& path, const char* what, const byte_buffer& bytes, Parse&& parse) {
  byte_reader in(bytes);
  try {
    parse(in);
  } catch (const error& failure) {
    if (failure.code() != errc::corrupt_data)
      throw;
    damaged(path, std::string(what) + " is wrong");
  }
}

std::vector<object_block> read_index(const std::string& path, std::uint64_t file_bytes) {
  if (file_bytes < footer_bytes)
    damaged(path, "it has only " + std::to_string(file_bytes) + " bytes");
  byte_buffer bytes;
  read_at(path, file_bytes - footer_bytes, footer_bytes, bytes);
  byte_reader in(bytes);
  const auto offset = take<std::uint64_t>(in);
  const std::uint64_t count = take<std::uint32_t>(in);
  const auto expected = take<std::uint32_t>(in);
  if (text_of(bytes).substr(footer_bytes - magic.size()) != magic)
    damaged(path, "its end is missing");
  if (offset > file_bytes || file_bytes - offset != count * block_entry_bytes + footer_bytes)
    damaged(path, "its list of blocks is wrong");
  read_at(path, offset, static_cast<std::size_t>(count * block_entry_bytes), bytes);
  if (checksum(bytes.data(), bytes.size()) != expected)
    damaged(path, "the checksum of its list of blocks is wrong");
  byte_reader entries(bytes);
  std::vector<object_block> blocks(static_cast<std::size_t>(count));
  for (auto& one : blocks) {
    one.offset = take<std::uint64_t>(entries);
    one.bytes = take<std::uint32_t>(entries);
    one.unpacked_bytes = take<std::uint32_t>(entries);
    one.records = take<std::uint32_t>(entries);
    one.checksum = take<std::uint32_t>(entries);
    if (one.offset > offset || one.bytes > offset - one.offset || one.bytes == 0 || one.bytes > one.unpacked_bytes)
      damaged(path, "its list of blocks is wrong");
  }
  return blocks;
}

} // namespace

object_writer::object_writer(std::unique_ptr<part_writer> part, compression packing, const record_schema& schema)
    : part_(std::move(part)), packing_(packing) {
  append(text_of(header_of(schema)), 0);
}

void object_writer::append(std::string_view bytes, std::uint64_t records) {
  part_->write(bytes, records);
  offset_ += bytes.size();
}

void object_writer::end_block() {
  if (block_records_ == 0)
    return;
  if (block_.size() >= record_bytes_max)
    throw_error(errc::not_serializable, "a record of " + std::to_string(block_.size()) +
                                            " bytes is too large for an object file; the limit is " + std::to_string(record_bytes_max));
  auto stored = text_of(block_);
  if (packing_ == compression::zstd) {
    packed_.resize(::ZSTD_compressBound(block_.size()));
    const auto size = ::ZSTD_compress(packed_.data(), packed_.size(), block_.data(), block_.size(), 1);
    if (!::ZSTD_isError(size) && size < block_.size())
      stored = std::string_view(packed_.data(), size);
  }
  blocks_.push_back({offset_, static_cast<std::uint32_t>(stored.size()), static_cast<std::uint32_t>(block_.size()), block_records_,
                     checksum(stored.data(), stored.size())});
  append(stored, block_records_);
  block_.clear();
  block_records_ = 0;
}

written_part object_writer::close() {
  end_block();
  byte_buffer index;
  byte_writer out(index);
  for (const auto& one : blocks_) {
    put(out, one.offset);
    put(out, one.bytes);
    put(out, one.unpacked_bytes);
    put(out, one.records);
    put(out, one.checksum);
  }
  const auto expected = checksum(index.data(), index.size());
  put(out, offset_);
  put(out, static_cast<std::uint32_t>(blocks_.size()));
  put(out, expected);
  out.raw(magic.data(), magic.size());
  append(text_of(index), 0);
  return part_->close();
}

std::vector<object_split> plan_object_splits(const std::vector<input_file>& files, std::uint32_t partitions_min,
                                             std::uint64_t partition_bytes_max) {
  std::vector<object_split> splits;
  auto file = files.begin();
  for (auto& cut : plan_splits(files, partitions_min, partition_bytes_max)) {
    while (file->path != cut.path)
      ++file;
    splits.push_back({std::move(cut.path), file->size, cut.offset, cut.length});
  }
  return splits;
}

void check_object_file(const std::string& path, const record_schema& wanted) {
  byte_buffer start;
  constexpr std::size_t fixed = magic.size() + sizeof(std::uint32_t);
  read_at(path, 0, fixed, start);
  if (!text_of(start).starts_with(magic))
    damaged(path, "it does not begin as one");
  std::uint32_t size = 0;
  std::memcpy(&size, start.data() + magic.size(), sizeof size);
  if (size > header_bytes_max)
    damaged(path, "its header is wrong");
  byte_buffer rest;
  read_at(path, fixed, size + sizeof(std::uint32_t), rest);
  start.insert(start.end(), rest.begin(), rest.end());
  parsed(path, "its header", start, [&](byte_reader& in) {
    const auto covered = start.size() - sizeof(std::uint32_t);
    in.raw(fixed);
    const auto number = take<std::uint64_t>(in);
    const std::string text(in.text());
    const std::string name(in.text());
    if (take<std::uint32_t>(in) != checksum(start.data(), covered) || in.left() != 0)
      byte_reader::corrupt("checksum");
    if (number != fingerprint(wanted.text) || text != wanted.text)
      throw_error(errc::wrong_type, path + " holds records of type " + name + ", which is " + text + ", and cannot be read as " +
                                        wanted.name + ", which is " + wanted.text + "; read it with the type that it was saved with");
  });
}

object_reader::object_reader(const object_split& split, const record_schema& wanted) : path_(split.path) {
  check_object_file(path_, wanted);
  for (const auto& one : read_index(path_, split.file_bytes))
    if (one.offset >= split.offset && one.offset - split.offset < split.length)
      blocks_.push_back(one);
}

std::uint64_t object_reader::next_bytes() const noexcept {
  if (at_ == blocks_.size())
    return 0;
  const auto& one = blocks_[at_];
  return std::uint64_t{one.bytes} + (one.bytes == one.unpacked_bytes ? 0 : one.unpacked_bytes);
}

void object_reader::corrupt(const std::string& why) const {
  throw_error(errc::corrupt_data,
              path_ + " is damaged in the block at byte " + std::to_string(blocks_[at_ == 0 ? 0 : at_ - 1].offset) + ": " + why);
}

std::pair<std::span<const std::byte>, std::uint32_t> object_reader::next() {
  const auto& one = blocks_[at_++];
  read_at(path_, one.offset, one.bytes, stored_);
  bytes_read_ += one.bytes;
  if (checksum(stored_.data(), stored_.size()) != one.checksum)
    corrupt("its checksum is wrong");
  if (one.bytes == one.unpacked_bytes)
    return {stored_, one.records};
  unpacked_.resize(one.unpacked_bytes);
  const auto size = ::ZSTD_decompress(unpacked_.data(), unpacked_.size(), stored_.data(), stored_.size());
  if (::ZSTD_isError(size) || size != unpacked_.size())
    corrupt("it cannot be unpacked");
  return {unpacked_, one.records};
}

} // namespace salamander::core
