// Text output that is there whole or not at all.
//
//   <path>/_temporary/part-00003-<attempt>   while tasks write
//   <path>/part-00003                        once the job is done, by rename of the attempt that counted
//   <path>/_SUCCESS                          last
#pragma once

#include <salamander/rdd/call_site.hpp>
#include <salamander/rdd/output_file.hpp>

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

/// How output is written.
struct output_way {
  bool sync = false; ///< salamander.files.syncOutput: what counts is on the disk, not only in the system's memory
  const disk_calls* disk = &system_disk();
};

/// Writes lines of one partition. Used by one thread. Errors: errc::out_of_disk, errc::io_error, see throw_disk_error; the unfinished
/// file is removed.
class text_part_writer {
public:
  text_part_writer(const std::string& directory, std::uint32_t partition, std::uint64_t attempt, const output_way& how = {});

  void write_line(std::string_view line) {
    if (buffer_.size() + line.size() + 1 > buffer_bytes)
      flush();
    buffer_.append(line);
    buffer_ += '\n';
    ++part_.records;
  }
  /// Lines so far.
  std::uint64_t records() const noexcept {
    return part_.records;
  }
  /// Errors: as the class; nothing counts before this returned.
  written_part close();

private:
  static constexpr std::size_t buffer_bytes = 256 * 1024;
  void flush();

  written_part part_;
  std::string path_;
  output_file file_;
  std::string buffer_;
  bool sync_;
};

/// The driver's side of an output directory. Used by one thread.
class text_output {
public:
  /// Makes the directory. Errors: errc::output_exists; errc::out_of_disk, errc::io_error.
  text_output(const std::string& path, const call_site& site, const output_way& how = {});
  text_output(const text_output&) = delete;
  text_output& operator=(const text_output&) = delete;
  /// Removes the directory unless it was committed.
  ~text_output();

  const std::string& attempt_directory() const noexcept {
    return attempts_;
  }
  /// Gives the parts their final names and writes _SUCCESS. Errors: errc::out_of_disk, errc::io_error; nothing stays then.
  void commit(const std::vector<written_part>& parts);

private:
  void remove_attempts() noexcept;

  std::string path_;
  std::string attempts_;
  call_site site_;
  output_way how_;
  bool committed_ = false;
};

} // namespace salamander::core
