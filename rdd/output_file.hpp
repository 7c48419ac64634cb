// A file that a task or the driver writes: every call to the system is made here, and every answer is looked at.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace salamander::core {

/// What is asked of the system. Tests replace single calls by ones that fail.
struct disk_calls {
  ::ssize_t (*write)(int file, const void* bytes, std::size_t size);
  int (*sync)(int file);
  int (*close)(int file);
  int (*rename)(const char* from, const char* to);
};
const disk_calls& system_disk() noexcept;

/// Throws what a refusal of the system means: errc::out_of_disk when there is no room, with how much was wanted and how much there is;
/// else errc::io_error. Both with the path and what to do. `code`: errno; `wanted`: bytes, 0 if that is not known.
[[noreturn]] void throw_disk_error(const std::string& doing, const std::string& path, int code, std::size_t wanted = 0);

/// A new file that is removed again unless it is finished. Used by one thread. Errors: of throw_disk_error.
class output_file {
public:
  /// Creates the file, which must not exist. `mode`: before the process's umask.
  explicit output_file(std::string path, const disk_calls& disk = system_disk(), ::mode_t mode = 0666);
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  ~output_file();

  void write(std::string_view bytes);
  /// Nothing counts before this returned. `sync`: the bytes are on the disk then, not only in the system's memory.
  void finish(bool sync);

private:
  std::string path_;
  const disk_calls& disk_;
  int file_ = -1;
};

/// Gives a file its final name. Errors: of throw_disk_error.
void rename_file(const std::string& from, const std::string& to, const disk_calls& disk = system_disk());

/// Makes sure that the names in a directory are on the disk. Errors: of throw_disk_error.
void sync_directory(const std::string& path, const disk_calls& disk = system_disk());

} // namespace salamander::core
