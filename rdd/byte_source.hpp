// The bytes of a file, unpacked if it is compressed.
#pragma once

#include <salamander/rdd/compression.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace salamander::core {

/// Yields bytes from the first to the last. Used by one thread.
class byte_source {
public:
  byte_source() = default;
  byte_source(const byte_source&) = delete;
  byte_source& operator=(const byte_source&) = delete;
  virtual ~byte_source() = default;

  /// Puts 1 to `size` bytes at `to` and returns how many; 0 at the end.
  /// Errors: errc::io_error with the system's text, or when the file has become shorter than `must_reach` of open_source;
  /// errc::corrupt_data with path and offset for a damaged or truncated compressed file.
  virtual std::size_t read(char* to, std::size_t size) = 0;

  /// Bytes taken from the file so far: compressed ones, if it is compressed.
  virtual std::uint64_t bytes_read() const noexcept = 0;
};

/// Opens the file, of this machine or of another store (file_system.hpp), at `offset` (0 for compressed files). The file is read to its end, wherever that is now, but its end may not lie
/// before `must_reach`. Errors: errc::io_error.
std::unique_ptr<byte_source> open_source(const std::string& path, compression packing, std::uint64_t offset, std::uint64_t must_reach);

} // namespace salamander::core
