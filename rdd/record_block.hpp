// Records of one partition kept together: cached, shuffled, held by the driver, or returned.
//
//   encoded  := count u64, reserved u64 (0), rows
//   rows     := count * sizeof(Row) bytes for raw rows (read in place), else each row by the codec
#pragma once

#include <salamander/rdd/batch.hpp>
#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/fingerprint.hpp>
#include <salamander/rdd/memory_claim.hpp>
#include <salamander/rdd/task_context.hpp>
#include <salamander/rdd/weight.hpp>

#include <algorithm>

namespace salamander::core {

inline constexpr std::size_t block_header_bytes = 16;

/// A contiguous array of rows; std::vector packs bool into bits, which no pointer can reach.
template <class Row>
using row_vector = std::conditional_t<std::is_same_v<Row, bool>, std::basic_string<bool>, std::vector<Row>>;

/// Rows, and the characters that their views point to.
template <class Row>
class record_block final : public block_object {
public:
  row_vector<Row> rows;
  std::shared_ptr<arena> characters; ///< may be shared with sibling blocks of one map output; null: none
  std::size_t character_bytes = 0;   ///< this block's share

  std::size_t memory_bytes() const noexcept override {
    std::size_t heap = 0;
    if constexpr (!is_plain<Row> && !std::is_same_v<Row, std::string_view>)
      for (const auto& row : rows)
        heap += heap_bytes(row);
    return sizeof(*this) + rows.capacity() * sizeof(Row) + character_bytes + heap;
  }
  std::size_t record_count() const noexcept override {
    return rows.size();
  }
  std::uint64_t fingerprint() const override {
    return fingerprint_of(rows.data(), rows.size());
  }
  void encode(byte_buffer& out) const override {
    byte_writer writer(out);
    const std::uint64_t header[2] = {rows.size(), 0};
    writer.raw(header, sizeof header);
    if constexpr (is_raw<Row>) {
      writer.raw(rows.data(), rows.size() * sizeof(Row));
    } else {
      for (const auto& row : rows)
        codec_detail::write_element(writer, row);
    }
  }
};

/// A block as an array of rows, whichever form it arrived in. Keeps the block alive.
template <class Row>
class block_rows {
public:
  block_rows() = default;
  explicit block_rows(block source) : source_(std::move(source)) {
    if (source_.object) {
      const auto& typed = static_cast<const record_block<Row>&>(*source_.object);
      data_ = typed.rows.data();
      size_ = typed.rows.size();
    } else if (source_.bytes) {
      decode();
    }
  }

  const Row* data() const noexcept {
    return data_;
  }
  std::size_t size() const noexcept {
    return size_;
  }
  /// Nobody else sees these rows: they may be moved from.
  bool exclusive() const noexcept {
    return !decoded_.empty();
  }
  const Row* begin() const noexcept {
    return data_;
  }
  const Row* end() const noexcept {
    return data_ + size_;
  }
  /// What decoding took beside the block itself; about, for rows that hold memory.
  std::size_t decoded_bytes() const noexcept {
    std::size_t bytes = decoded_.capacity() * sizeof(Row);
    if constexpr (may_hold_memory<Row>) {
      growth_meter beside;
      for (const auto& row : decoded_)
        meter_new(beside, row);
      bytes += beside.bytes();
    }
    return bytes;
  }
  /// All of it that only this task uses: what was decoded, or the block when it was made here.
  std::size_t held_bytes() const noexcept {
    return decoded_bytes() + (source_.object ? source_.object->memory_bytes() : 0);
  }

private:
  void decode() {
    byte_reader in(*source_.bytes);
    std::uint64_t header[2];
    std::memcpy(header, in.raw(block_header_bytes), sizeof header);
    const auto count = header[0];
    constexpr auto least = is_raw<Row> ? sizeof(Row) : codec_detail::least_element_bytes<Row>;
    if (header[1] != 0 || count > in.left() / least)
      byte_reader::corrupt("a block is shorter than its header says");
    if constexpr (is_raw<Row>) {
      size_ = count;
      const auto* bytes = in.raw(count * sizeof(Row));
      refuse_rest(in);
      if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(Row) == 0) {
        data_ = reinterpret_cast<const Row*>(bytes);
        return;
      }
      decoded_.reserve(count);
      for (std::size_t i = 0; i < count; ++i) {
        byte_reader one(std::span(bytes + i * sizeof(Row), sizeof(Row)));
        decoded_.push_back(read_value<Row>(one));
      }
    } else {
      // What a count announces is believed up to a small multiple of the bytes that are there.
      decoded_.reserve(std::min<std::size_t>(count, std::max<std::size_t>(4096, 8 * in.left() / sizeof(Row))));
      for (std::uint64_t i = 0; i < count; ++i)
        decoded_.push_back(codec_detail::read_element<Row>(in));
      refuse_rest(in);
    }
    data_ = decoded_.data();
    size_ = decoded_.size();
  }
  static void refuse_rest(const byte_reader& in) {
    if (in.left() != 0)
      byte_reader::corrupt("a block is longer than its header says");
  }

  block source_;
  row_vector<Row> decoded_;
  const Row* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The records of a block, in batches; `dataset`: whose records they are.
template <class T>
class block_stream final : public stream<T> {
public:
  block_stream(block source, task_context& context, const lineage& dataset)
      : rows_(std::move(source)), context_(context), claim_(context, dataset, "reading a block"), limit_(context.batch_size<T>()) {
    claim_.hold(rows_.decoded_bytes());
  }

  bool next(batch<T>& out) override {
    context_.poll();
    const auto count = std::min(limit_, rows_.size() - at_);
    if (count == 0)
      return false;
    out = {const_cast<T*>(rows_.data() + at_), count, nullptr, rows_.exclusive()};
    at_ += count;
    return true;
  }
  std::size_t size() const noexcept {
    return rows_.size();
  }

private:
  block_rows<T> rows_;
  task_context& context_;
  memory_claim claim_;
  std::size_t limit_;
  std::size_t at_ = 0;
};

/// Makes a record keepable without changing its type: what its views point to is copied to the arena.
template <class T>
T pinned(const T& record, arena& characters) {
  if constexpr (!is_borrowed<T>) {
    return record;
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    return characters.copy(record);
  } else if constexpr (requires {
                         record.first;
                         record.second;
                       }) {
    return T(pinned(record.first, characters), pinned(record.second, characters));
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return std::apply([&](const auto&... fields) { return T(pinned(fields, characters)...); }, record);
  } else if constexpr (requires {
                         record.has_value();
                         *record;
                       }) {
    if (!record)
      return std::nullopt;
    return T(pinned(*record, characters));
  } else {
    T copy;
    for (const auto& value : record)
      copy.push_back(pinned(value, characters));
    return copy;
  }
}

/// Collects records for a block; whoever does so claims the memory, before each batch.
template <class Row>
class block_builder {
public:
  block_builder() : block_(std::make_shared<record_block<Row>>()) {}

  void reserve(std::size_t records) {
    block_->rows.reserve(records);
  }
  /// Keeps the record as it is, views pinned.
  template <class T>
  void add(T&& record) {
    if constexpr (is_borrowed<Row>) {
      block_->rows.push_back(pinned<Row>(record, characters()));
    } else {
      block_->rows.push_back(std::forward<T>(record));
    }
    meter_new(beside_, block_->rows.back());
  }
  /// Keeps the record as a row.
  template <class T>
  void add_row(T&& record) {
    block_->rows.push_back(to_row(std::forward<T>(record), characters()));
    meter_new(beside_, block_->rows.back());
  }
  std::size_t size() const noexcept {
    return block_->rows.size();
  }
  /// Cheap: for growth checks once a batch; about, for records that hold memory.
  std::size_t approximate_bytes() const noexcept {
    return block_->rows.capacity() * sizeof(Row) + beside_rows();
  }
  /// The same without room for further records.
  std::size_t live_bytes() const noexcept {
    return block_->rows.size() * sizeof(Row) + beside_rows();
  }
  /// The most it takes while `more` records are added.
  std::size_t bytes_while_adding(std::size_t more) const noexcept {
    return bytes_while_growing(block_->rows.size(), block_->rows.capacity(), more, sizeof(Row)) + beside_rows();
  }
  std::shared_ptr<record_block<Row>> finish() {
    if (block_->characters)
      block_->character_bytes = block_->characters->memory_bytes();
    if (block_->rows.capacity() > block_->rows.size() + block_->rows.size() / 8)
      block_->rows.shrink_to_fit();
    return std::move(block_);
  }

private:
  arena& characters() {
    if (!block_->characters)
      block_->characters = std::make_shared<arena>();
    return *block_->characters;
  }
  std::size_t beside_rows() const noexcept {
    return (block_->characters ? block_->characters->memory_bytes() : 0) + beside_.bytes();
  }

  std::shared_ptr<record_block<Row>> block_;
  growth_meter beside_;
};

/// One value as a block: what most actions return for a partition.
template <class R>
class value_block final : public block_object {
public:
  explicit value_block(R held) : value(std::move(held)) {}
  R value;

  std::size_t memory_bytes() const noexcept override {
    return sizeof(*this) + heap_bytes(value);
  }
  std::size_t record_count() const noexcept override {
    return 1;
  }
  void encode(byte_buffer& out) const override {
    byte_writer writer(out);
    write_value(writer, value);
  }
};

/// Takes the value out of a block made by value_block<R>.
template <class R>
R take_value(block&& source) {
  if (source.object) {
    auto& typed = const_cast<value_block<R>&>(static_cast<const value_block<R>&>(*source.object));
    return source.object.use_count() == 1 ? std::move(typed.value) : typed.value;
  }
  byte_reader in(*source.bytes);
  auto value = read_value<R>(in);
  if (in.left() != 0)
    byte_reader::corrupt("a result is longer than its value");
  return value;
}

} // namespace salamander::core
