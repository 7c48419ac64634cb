// Files that a program gives to its tasks.
#pragma once

#include <salamander/rdd/block.hpp>
#include <salamander/rdd/broadcast.hpp>
#include <salamander/rdd/scratch_directory.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace salamander {

namespace files {

/// The path, on this machine, of a file that context::add_file, `--files` or salamander.files has brought: of an executor's copy in a
/// task, of the driver's on the driver. Executors fetch a file when a task asks for it first, each one once.
/// Errors: errc::input_not_found for another name; those of broadcast::value; errc::io_error, errc::out_of_disk when it cannot be written.
/// Threads: a task's own, any of the driver's.
std::string get(const std::string& name);

/// The directory that this process's copies of added files are in. Errors: errc::context_stopped on a driver without a context.
std::string root_directory();

} // namespace files

namespace core {

inline constexpr std::size_t added_files_max = 256;
inline constexpr std::uint64_t added_file_bytes_max = 1ULL << 30;
/// The job property that tells tasks which files there are.
inline constexpr const char* added_files_key = "salamander.files.added";

/// In an executor: where copies are put. Call it before there are tasks.
void set_files_root(std::string directory);

/// The driver's files. `files::get` finds them as long as this lives. Threads: any.
class added_files {
public:
  using sender = std::function<broadcast_handle(std::shared_ptr<const block_object>)>;

  /// Copies are made in a directory below `parent`.
  explicit added_files(std::string parent) : parent_(std::move(parent)) {}
  added_files(const added_files&) = delete;
  added_files& operator=(const added_files&) = delete;
  ~added_files();

  /// Copies a file and gives it to `send`. The same content again: nothing happens.
  /// Errors: errc::input_not_found; errc::invalid_argument for a directory, an empty or too large file, too many, and for a name that
  /// another content has; errc::io_error.
  void add(const std::string& path, const std::string& site, const sender& send);
  /// One that executors have already. Errors: errc::input_not_found.
  void note(const std::string& path);

  /// Copies go, and `files::get` finds nothing here any more.
  void close() noexcept;

  std::vector<std::string> names() const;
  std::optional<std::string> path_of(const std::string& name) const;
  std::string directory();
  /// The value of added_files_key; empty: there are none.
  std::string property() const;

private:
  struct entry {
    std::string path;
    std::optional<broadcast_handle> sent;
  };

  const std::string parent_;
  mutable std::mutex mutex_;
  std::optional<scratch_directory> directory_;
  std::map<std::string, entry> files_;
  std::string property_;
};

} // namespace core
} // namespace salamander
