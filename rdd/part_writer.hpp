// A task's side of an output directory: the bytes of one partition.
#pragma once

#include <salamander/rdd/file_system.hpp>
#include <salamander/rdd/output_directory.hpp>
#include <salamander/rdd/packer.hpp>

namespace salamander::core {

/// Writes one attempt at a part file. Used by one thread. Errors: errc::out_of_disk, errc::io_error, see throw_disk_error; the unfinished
/// file is removed.
class part_writer {
public:
  /// `attempts`: of output_directory.
  part_writer(const std::string& attempts, std::uint32_t partition, std::uint64_t attempt, compression packing = compression::none,
              const output_way& how = {});

  void write_line(std::string_view line) {
    if (buffer_.size() + line.size() + 1 > buffer_bytes)
      flush();
    buffer_.append(line);
    buffer_ += '\n';
    ++part_.records;
  }
  /// Bytes that hold `records` more records.
  void write(std::string_view bytes, std::uint64_t records);
  /// Records so far.
  std::uint64_t records() const noexcept {
    return part_.records;
  }
  /// Errors: as the class; nothing counts before this returned.
  written_part close();

private:
  static constexpr std::size_t buffer_bytes = 256 * 1024;
  void flush();
  void store(std::string_view bytes);

  written_part part_;
  std::string path_; ///< for errors
  std::unique_ptr<staged_file> file_;
  std::unique_ptr<packer> packer_;
  std::string buffer_;
  std::string packed_;
};

} // namespace salamander::core
