// What processes print, in files of bounded size that can be read while they are written.
//
//   <directory>/stdout                the newest part
//   <directory>/stdout.<offset>       older parts, named by where in the whole output they begin (20 digits)
//
// Offsets count what the process has ever printed, so a reader that follows notices what it has missed.
#pragma once

#include <salamander/actors/child_process.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace salamander::actors {

struct log_limits {
  std::uint64_t part_bytes_max = 1U << 20;
  std::uint32_t parts_max = 5; ///< older ones are removed
};

/// One stream of one process. Errors: none; what cannot be written is dropped, and counted in a line of its own once writing works
/// again. Threads: one at a time.
class log_writer {
public:
  /// Goes on where an earlier writer of the same files has ended. `on_trouble`: once, when writing begins to fail.
  log_writer(std::filesystem::path directory, std::string stream, log_limits limits, std::function<void(const std::string&)> on_trouble);

  /// A part ends with a line, unless the line is longer than a part may be.
  void write(std::string_view bytes);
  std::uint64_t dropped() const noexcept {
    return dropped_;
  }

private:
  void open();
  void roll();
  void put(std::string_view bytes);
  void fail(std::size_t bytes, int code);

  const std::filesystem::path directory_;
  const std::string stream_;
  const log_limits limits_;
  const std::function<void(const std::string&)> on_trouble_;
  descriptor file_;
  std::uint64_t begin_ = 0; ///< of the newest part
  std::uint64_t size_ = 0;  ///< of the newest part
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_said_ = 0;
  bool failing_ = false;
};

struct log_extract {
  std::string text;
  std::uint64_t offset = 0; ///< of the first byte of the text
  std::uint64_t end = 0;    ///< of all that is there
};

/// Reads from `offset`, or from the oldest that is kept if that is newer; a negative one counts from the end. `stream`: "stdout" or
/// "stderr". Errors: errc::input_not_found when there is no such log, errc::invalid_argument, errc::io_error. Threads: any, also while
/// a writer writes.
log_extract read_log_part(const std::filesystem::path& directory, const std::string& stream, std::int64_t offset, std::uint32_t bytes_max);

} // namespace salamander::actors
