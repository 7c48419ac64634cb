// Bytes of a remote file, fetched range by range.
#pragma once

#include <salamander/rdd/byte_source.hpp>

#include <functional>
#include <string>

namespace salamander::actors {

/// Fetches `size` bytes, or fewer at the end of the file, from `offset` on; replaces what is in `to`. Errors: errc::io_error.
using fetch_range = std::function<void(std::uint64_t offset, std::size_t size, std::string& to)>;

/// Ranges grow while a file is read on, and end where `must_reach` says that its reader probably stops.
class ranged_source final : public core::byte_source {
public:
  ranged_source(std::string path, std::uint64_t offset, std::uint64_t must_reach, fetch_range fetch);

  std::size_t read(char* to, std::size_t size) override;
  std::uint64_t bytes_read() const noexcept override {
    return next_ - start_;
  }

private:
  static constexpr std::size_t range_bytes_min = 256U << 10;
  static constexpr std::size_t range_bytes_max = 8U << 20;

  std::string path_;
  std::uint64_t start_;
  std::uint64_t next_; ///< of the file, to be handed out
  std::uint64_t must_reach_;
  fetch_range fetch_;
  std::string window_;
  std::size_t used_ = 0;
  std::size_t range_bytes_ = range_bytes_min;
  bool at_end_ = false;
};

} // namespace salamander::actors
