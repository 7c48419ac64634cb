// The bytes of block transfer. Little-endian; all lengths are capped before anything is allocated for them.
//
//    0       2         3      4          8          12
//    +-------+---------+------+----------+----------+--- - -
//    | magic | version | type | length   | checksum | payload (length bytes)
//    +-------+---------+------+----------+----------+--- - -
//      "SB"    1
//
// The checksum is the CRC-32C of the first 8 bytes and, except for chunks, of the payload.
//
//   request    1   reader -> holder   1..1024 block ids: kind u8, a u32, b u32, c u32
//   found      2   holder -> reader   index u32, length u64, crc32c u32 of all bytes; then chunks that add up to the length
//   chunk      3   holder -> reader   1 byte .. 4 MiB of the block
//   empty      4   holder -> reader   index u32: the block is there and has no records
//   not_found  5   holder -> reader   index u32
//   failed     6   holder -> reader   index u32, reason u8, text (at most 1024 bytes)
//   damaged    7   reader -> holder   1..1024 block ids, as in a request: their checksums were wrong twice; drop them
//
// Each id of a request is answered once, in order; `index` counts within the request. `damaged` is not answered.
//
// A block's checksum is made when the block is encoded: of one that is held as bytes, then, so that it also covers the time it was
// held; of one that is held as typed rows, when it is sent, and what happened to the rows before that goes unnoticed.
#pragma once

#include <salamander/storage/block_id.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::actors::net {

enum class frame_type : std::uint8_t { request = 1, found, chunk, empty, not_found, failed, damaged };

enum class failed_reason : std::uint8_t { not_encodable = 1, out_of_memory, internal };

inline constexpr std::size_t frame_header_bytes = 12;
inline constexpr std::uint32_t chunk_bytes_max = 4U << 20;
inline constexpr std::size_t request_ids_max = 1024;
inline constexpr std::size_t failed_text_max = 1024;
inline constexpr std::uint64_t block_bytes_max = 1ULL << 40;

using frame_header = std::array<std::byte, frame_header_bytes>;

struct frame_info {
  frame_type type = frame_type::request;
  std::uint32_t length = 0;
};

/// The header's meaning, or nothing when magic, version, type or length are not allowed. The checksum is not looked at.
std::optional<frame_info> read_header(std::span<const std::byte> header) noexcept;
/// `payload` is empty for chunks. Requires: header.size() == frame_header_bytes.
bool is_intact(std::span<const std::byte> header, std::span<const std::byte> payload) noexcept;
frame_header make_chunk_header(std::uint32_t length) noexcept;

struct found_frame {
  std::uint32_t index = 0;
  std::uint64_t length = 0;
  std::uint32_t checksum = 0;
};
struct failed_frame {
  std::uint32_t index = 0;
  failed_reason reason = failed_reason::internal;
  std::string text;
};

// Writers append a whole frame. Requires: sizes within the limits above; longer texts are cut.
void append_request(std::vector<std::byte>& out, std::span<const storage::block_id> ids);
void append_damaged(std::vector<std::byte>& out, std::span<const storage::block_id> ids);
void append_found(std::vector<std::byte>& out, const found_frame& frame);
void append_index(std::vector<std::byte>& out, frame_type type, std::uint32_t index); ///< empty, not_found
void append_failed(std::vector<std::byte>& out, std::uint32_t index, failed_reason reason, std::string_view text);

// Readers take a payload of the right type; nothing when it is malformed.
std::optional<std::vector<storage::block_id>> read_request(std::span<const std::byte> payload); ///< request, damaged
std::optional<found_frame> read_found(std::span<const std::byte> payload) noexcept;
std::optional<std::uint32_t> read_index(std::span<const std::byte> payload) noexcept;
std::optional<failed_frame> read_failed(std::span<const std::byte> payload);

} // namespace salamander::actors::net
