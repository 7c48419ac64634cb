// How the bytes of files are packed.
#pragma once

#include <cstdint>
#include <string_view>

namespace salamander {

/// Told by a file's name: .gz and .zst.
enum class compression : std::uint8_t { none, gzip, zstd };

namespace core {

compression compression_of(std::string_view path) noexcept;

/// "", ".gz" or ".zst".
const char* suffix_of(compression packing) noexcept;

} // namespace core
} // namespace salamander
