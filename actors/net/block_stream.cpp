#include <salamander/actors/net/block_stream.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/storage/crc32c.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace salamander::actors::net {

std::span<std::byte> answer_reader::room() {
  if (in_block_ && begin_ == end_ && received_ < chunk_end_)
    return std::span(block_).subspan(received_, chunk_end_ - received_);
  if (begin_ == end_)
    begin_ = end_ = 0;
  if (end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(buffer_).subspan(end_);
}

void answer_reader::filled(std::size_t bytes) {
  if (in_block_ && begin_ == end_ && received_ < chunk_end_)
    received_ += bytes;
  else
    end_ += bytes;
}

/// Room grows with what has come, not with what was announced: at most fourfold, and by one chunk.
void answer_reader::expect_chunk(std::uint32_t length) {
  chunk_end_ = received_ + length;
  if (chunk_end_ > block_.capacity())
    block_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(found_.length, std::max(chunk_end_, 4 * received_))));
  block_.resize(chunk_end_);
}

answer_reader::event answer_reader::read_block() {
  for (;;) {
    const auto taken = std::min(chunk_end_ - received_, end_ - begin_);
    if (taken != 0)
      std::memcpy(block_.data() + received_, buffer_.data() + begin_, taken);
    received_ += taken;
    begin_ += taken;
    checksum_ = storage::crc32c(std::span(block_).subspan(checked_, received_ - checked_), checksum_);
    checked_ = received_;
    if (received_ < chunk_end_)
      return more_needed{};
    if (received_ == found_.length) {
      in_block_ = false;
      if (spoiled_by_ && !block_.empty()) {
        const auto noise = *std::exchange(spoiled_by_, std::nullopt);
        block_[noise / 8 % block_.size()] ^= std::byte{1} << (noise % 8);
        checksum_ = storage::crc32c(block_);
      }
      return block_ends{checksum_ == found_.checksum || core::planted(core::defect::damaged_block_accepted)};
    }
    if (end_ - begin_ < frame_header_bytes)
      return more_needed{};
    const auto header = buffered().first(frame_header_bytes);
    const auto info = read_header(header);
    if (!info || info->type != frame_type::chunk || !is_intact(header, {}))
      return malformed{"a chunk was expected"};
    if (info->length > found_.length - received_)
      return malformed{"chunks exceed the length of their block"};
    begin_ += frame_header_bytes;
    expect_chunk(info->length);
  }
}

answer_reader::event answer_reader::next() {
  if (in_block_)
    return read_block();
  if (end_ - begin_ < frame_header_bytes)
    return more_needed{};
  const auto header = buffered().first(frame_header_bytes);
  const auto info = read_header(header);
  if (!info || info->type == frame_type::chunk || info->type == frame_type::request || info->type == frame_type::damaged)
    return malformed{"an answer was expected"};
  if (end_ - begin_ < frame_header_bytes + info->length)
    return more_needed{};
  const auto payload = buffered().subspan(frame_header_bytes, info->length);
  if (!is_intact(header, payload))
    return malformed{"a checksum of a frame is wrong"};
  begin_ += frame_header_bytes + info->length;
  return read_answer(info->type, payload);
}

answer_reader::event answer_reader::read_answer(frame_type type, std::span<const std::byte> payload) {
  if (type == frame_type::failed) {
    auto frame = read_failed(payload);
    if (!frame)
      return malformed{"a failure was expected"};
    return std::move(*frame);
  }
  if (type != frame_type::found) {
    const auto index = read_index(payload);
    if (!index)
      return malformed{"an index was expected"};
    if (type == frame_type::empty)
      return no_records{*index};
    return not_found{*index};
  }
  const auto frame = read_found(payload);
  if (!frame)
    return malformed{"a block was expected"};
  found_ = *frame;
  in_block_ = true;
  block_ = {};
  received_ = chunk_end_ = checked_ = 0;
  checksum_ = 0;
  return block_begins{found_.index, found_.length};
}

} // namespace salamander::actors::net
