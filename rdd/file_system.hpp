// Files, wherever they lie. A further store is one class.
//
//   /path  file:/path                     this machine and what it mounts    local_files.hpp
//   everything else: scheme://...         what the layer above knows         remote_file_system
#pragma once

#include <salamander/rdd/byte_source.hpp>
#include <salamander/rdd/output_way.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::core {

/// What a path stands for.
struct file_status {
  enum class kind : std::uint8_t { file, directory, other };

  kind what = kind::file;
  std::uint64_t size = 0; ///< of a file
  bool any_offset = true; ///< it can be read from the middle
};

/// A name in a directory, with what it stands for where the store tells both at once.
struct directory_entry {
  std::string name;
  std::optional<file_status> status;
};

/// A file that is being written and that no reader sees. Given up unless it is finished. Used by one thread.
class staged_file {
public:
  staged_file() = default;
  staged_file(const staged_file&) = delete;
  staged_file& operator=(const staged_file&) = delete;
  virtual ~staged_file() = default;

  /// Errors: errc::out_of_disk, errc::io_error.
  virtual void write(std::string_view bytes) = 0;
  /// All bytes are with the store. Returns what `publish` needs to know: other processes may do that. Errors: as write.
  virtual std::string finish() = 0;
};

/// A store of files. Paths are as users write them: with the scheme, except for files of this machine. Threads: any.
///
/// Output is a directory that is written once. Attempts at its files are staged by tasks and published by the driver, which knows the ones
/// that count; a staged file that nobody publishes is never seen, and goes with `end_output`.
class file_system {
public:
  virtual ~file_system() = default;

  /// Nothing for what does not exist. Errors: errc::io_error for what exists and cannot be read.
  virtual std::optional<file_status> status(const std::string& path) const = 0;
  /// Sorted by name (bytes); empty for what is no directory. Errors: errc::io_error.
  virtual std::vector<directory_entry> list(const std::string& directory) const = 0;
  /// False for stores that cannot list: `*`, `?`, `[` and `{` are ordinary characters in their paths.
  virtual bool has_patterns() const noexcept {
    return true;
  }
  /// The same file for processes with another working directory.
  virtual std::string absolute(const std::string& path) const = 0;
  /// The bytes from `offset` on; see open_source. Errors: errc::io_error.
  virtual std::unique_ptr<byte_source> open(const std::string& path, std::uint64_t offset, std::uint64_t must_reach) const = 0;

  /// Makes an output directory, which must not exist, and returns the place where attempts write.
  /// Errors: errc::output_exists; errc::out_of_disk, errc::io_error; nothing stays then.
  virtual std::string begin_output(const std::string& directory, const output_way& how) const = 0;
  /// Starts attempt `attempt` at the file `name`. Errors: errc::out_of_disk, errc::io_error.
  virtual std::unique_ptr<staged_file> stage(const std::string& attempts, const std::string& name, std::uint64_t attempt,
                                             const output_way& how) const = 0;
  /// Gives a finished file its name: from then on readers see all of it. Errors: errc::out_of_disk, errc::io_error.
  virtual void publish(const std::string& attempts, const std::string& staged, const std::string& directory, const std::string& name,
                       const output_way& how) const = 0;
  /// All files are published: makes the empty file `mark` as the last one. Errors: errc::out_of_disk, errc::io_error.
  virtual void seal_output(const std::string& directory, const std::string& mark, const output_way& how) const = 0;
  /// Removes what attempts have left that were not published; `all`: the whole directory.
  virtual void end_output(const std::string& directory, const std::string& attempts, bool all) const noexcept = 0;
};

/// The scheme of a path, without "://"; empty for a plain path. "file" may have fewer slashes.
std::string_view scheme_of(std::string_view path) noexcept;

/// The store of a path. Errors: errc::invalid_argument for an unknown scheme, errc::bad_config_value for a store that is set up wrongly.
const file_system& file_system_of(std::string_view path);

/// A path without the file: scheme, which is the same file.
std::string plain_path(std::string_view path);

/// Stores that are not of this machine. Errors: as file_system_of. Defined by the layer above.
const file_system& remote_file_system(std::string_view scheme);

} // namespace salamander::core
