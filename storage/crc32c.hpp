// CRC-32C (Castagnoli), the checksum of frames and blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace salamander::storage {

/// The checksum of `bytes`, or of all bytes so far when `before` is the checksum of those that came first.
/// Uses the processor's instruction where there is one. Threads: any. Source: RFC 3720 B.4.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

/// The same by tables, for processors without the instruction; public so that tests compare both.
std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

} // namespace salamander::storage
