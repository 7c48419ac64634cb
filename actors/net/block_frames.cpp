#include <salamander/actors/net/block_frames.hpp>

#include <salamander/storage/crc32c.hpp>

#include <bit>
#include <cstring>

namespace salamander::actors::net {
namespace {

static_assert(std::endian::native == std::endian::little, "frames are little-endian and so are all supported processors");

using storage::block_id;
using storage::block_kind;

constexpr std::uint16_t magic = 0x4253;
constexpr std::uint8_t version = 1;
constexpr std::size_t checked_bytes = 8;
constexpr std::size_t id_bytes = 13;
constexpr std::size_t found_bytes = 16;
constexpr std::size_t failed_fixed_bytes = 5;

template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void store(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof(T));
}

bool length_allowed(frame_type type, std::uint32_t length) noexcept {
  switch (type) {
  case frame_type::request:
  case frame_type::damaged:
    return length != 0 && length % id_bytes == 0 && length / id_bytes <= request_ids_max;
  case frame_type::found:
    return length == found_bytes;
  case frame_type::chunk:
    return length != 0 && length <= chunk_bytes_max;
  case frame_type::empty:
  case frame_type::not_found:
    return length == sizeof(std::uint32_t);
  case frame_type::failed:
    return length >= failed_fixed_bytes && length <= failed_fixed_bytes + failed_text_max;
  }
  return false;
}

std::uint32_t checksum_of(std::span<const std::byte> header, std::span<const std::byte> payload) noexcept {
  return storage::crc32c(payload, storage::crc32c(header.first(checked_bytes)));
}

void write_header(std::byte* to, frame_type type, std::uint32_t length) noexcept {
  store(to, magic);
  store(to + 2, version);
  store(to + 3, static_cast<std::uint8_t>(type));
  store(to + 4, length);
}

/// Appends a header and room for the payload; returns where the frame begins.
std::size_t begin_frame(std::vector<std::byte>& out, frame_type type, std::size_t length) {
  const auto at = out.size();
  out.resize(at + frame_header_bytes + length);
  write_header(out.data() + at, type, static_cast<std::uint32_t>(length));
  return at;
}

void end_frame(std::vector<std::byte>& out, std::size_t at) noexcept {
  const auto frame = std::span(out).subspan(at);
  store(frame.data() + checked_bytes, checksum_of(frame.first(frame_header_bytes), frame.subspan(frame_header_bytes)));
}

void append_ids(std::vector<std::byte>& out, frame_type type, std::span<const block_id> ids) {
  const auto at = begin_frame(out, type, ids.size() * id_bytes);
  auto* to = out.data() + at + frame_header_bytes;
  for (const auto& id : ids) {
    store(to, static_cast<std::uint8_t>(id.kind));
    store(to + 1, id.a);
    store(to + 5, id.b);
    store(to + 9, id.c);
    to += id_bytes;
  }
  end_frame(out, at);
}

} // namespace

std::optional<frame_info> read_header(std::span<const std::byte> header) noexcept {
  if (header.size() != frame_header_bytes || load<std::uint16_t>(header.data()) != magic || load<std::uint8_t>(&header[2]) != version)
    return std::nullopt;
  const frame_info info{static_cast<frame_type>(header[3]), load<std::uint32_t>(&header[4])};
  if (!length_allowed(info.type, info.length))
    return std::nullopt;
  return info;
}

bool is_intact(std::span<const std::byte> header, std::span<const std::byte> payload) noexcept {
  return load<std::uint32_t>(header.data() + checked_bytes) == checksum_of(header, payload);
}

frame_header make_chunk_header(std::uint32_t length) noexcept {
  frame_header header;
  write_header(header.data(), frame_type::chunk, length);
  store(header.data() + checked_bytes, checksum_of(header, {}));
  return header;
}

void append_request(std::vector<std::byte>& out, std::span<const block_id> ids) {
  append_ids(out, frame_type::request, ids);
}

void append_damaged(std::vector<std::byte>& out, std::span<const block_id> ids) {
  append_ids(out, frame_type::damaged, ids);
}

void append_found(std::vector<std::byte>& out, const found_frame& frame) {
  const auto at = begin_frame(out, frame_type::found, found_bytes);
  auto* to = out.data() + at + frame_header_bytes;
  store(to, frame.index);
  store(to + 4, frame.length);
  store(to + 12, frame.checksum);
  end_frame(out, at);
}

void append_index(std::vector<std::byte>& out, frame_type type, std::uint32_t index) {
  const auto at = begin_frame(out, type, sizeof(index));
  store(out.data() + at + frame_header_bytes, index);
  end_frame(out, at);
}

void append_failed(std::vector<std::byte>& out, std::uint32_t index, failed_reason reason, std::string_view text) {
  text = text.substr(0, failed_text_max);
  const auto at = begin_frame(out, frame_type::failed, failed_fixed_bytes + text.size());
  auto* to = out.data() + at + frame_header_bytes;
  store(to, index);
  store(to + 4, static_cast<std::uint8_t>(reason));
  if (!text.empty())
    std::memcpy(to + failed_fixed_bytes, text.data(), text.size());
  end_frame(out, at);
}

std::optional<std::vector<block_id>> read_request(std::span<const std::byte> payload) {
  std::vector<block_id> ids;
  ids.reserve(payload.size() / id_bytes);
  for (; payload.size() >= id_bytes; payload = payload.subspan(id_bytes)) {
    const auto kind = load<std::uint8_t>(payload.data());
    if (kind > static_cast<std::uint8_t>(block_kind::outline))
      return std::nullopt;
    ids.push_back({static_cast<block_kind>(kind), load<std::uint32_t>(&payload[1]), load<std::uint32_t>(&payload[5]),
                   load<std::uint32_t>(&payload[9])});
  }
  if (!payload.empty() || ids.empty())
    return std::nullopt;
  return ids;
}

std::optional<found_frame> read_found(std::span<const std::byte> payload) noexcept {
  if (payload.size() != found_bytes)
    return std::nullopt;
  const found_frame frame{load<std::uint32_t>(payload.data()), load<std::uint64_t>(&payload[4]), load<std::uint32_t>(&payload[12])};
  if (frame.length > block_bytes_max)
    return std::nullopt;
  return frame;
}

std::optional<std::uint32_t> read_index(std::span<const std::byte> payload) noexcept {
  if (payload.size() != sizeof(std::uint32_t))
    return std::nullopt;
  return load<std::uint32_t>(payload.data());
}

std::optional<failed_frame> read_failed(std::span<const std::byte> payload) {
  if (payload.size() < failed_fixed_bytes)
    return std::nullopt;
  failed_frame frame;
  frame.index = load<std::uint32_t>(payload.data());
  const auto reason = load<std::uint8_t>(&payload[4]);
  if (reason < static_cast<std::uint8_t>(failed_reason::not_encodable) || reason > static_cast<std::uint8_t>(failed_reason::internal))
    return std::nullopt;
  frame.reason = static_cast<failed_reason>(reason);
  const auto text = payload.subspan(failed_fixed_bytes);
  frame.text.assign(reinterpret_cast<const char*>(text.data()), text.size());
  return frame;
}

} // namespace salamander::actors::net
