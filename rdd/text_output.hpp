// Text output that is there whole or not at all.
//
//   <path>/_temporary/part-00003-<attempt>   while tasks write
//   <path>/part-00003                        once the job is done, by rename of the attempt that counted
//   <path>/_SUCCESS                          last
#pragma once

#include <salamander/rdd/call_site.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::core {

/// One finished attempt at a part file, as its task reports it.
struct written_part {
  std::uint32_t partition = 0;
  std::string file; ///< under the attempt directory
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
};

/// Writes lines of one partition. Used by one thread. Errors: errc::io_error with path and the system's text (full disk, ...); the
/// unfinished file is removed.
class text_part_writer {
public:
  text_part_writer(const std::string& directory, std::uint32_t partition, std::uint64_t attempt);
  text_part_writer(const text_part_writer&) = delete;
  text_part_writer& operator=(const text_part_writer&) = delete;
  ~text_part_writer();

  void write_line(std::string_view line) {
    if (buffer_.size() + line.size() + 1 > buffer_bytes)
      flush();
    buffer_.append(line);
    buffer_ += '\n';
    ++part_.records;
  }
  /// Errors: as the class; nothing counts before this returned.
  written_part close();

private:
  static constexpr std::size_t buffer_bytes = 256 * 1024;
  void flush();
  [[noreturn]] void fail(const char* doing);

  std::string path_;
  written_part part_;
  std::string buffer_;
  int file_ = -1;
};

/// The driver's side of an output directory. Used by one thread.
class text_output {
public:
  /// Makes the directory. Errors: errc::output_exists, errc::io_error.
  text_output(const std::string& path, const call_site& site);
  text_output(const text_output&) = delete;
  text_output& operator=(const text_output&) = delete;
  /// Removes the directory unless it was committed.
  ~text_output();

  const std::string& attempt_directory() const noexcept {
    return attempts_;
  }
  /// Gives the parts their final names and writes _SUCCESS. Errors: errc::io_error.
  void commit(const std::vector<written_part>& parts);

private:
  std::string path_;
  std::string attempts_;
  bool committed_ = false;
};

} // namespace salamander::core
