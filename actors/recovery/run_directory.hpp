// The directory of a run, and who may write there: the newest start of its driver.
//
//   <checkpoint.dir>/<recovery.id>/start-<n>    who the n-th start is; the newest one owns the run
//                                 /<k>/         what the k-th context of the program keeps
#pragma once

#include <salamander/rdd/config.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace salamander::actors {

/// Removes the whole directory when the process that made it ends with exit code 0, if that start still owns it.
/// Threads: any. Errors of the functions: errc::io_error, errc::out_of_disk.
class run_directory {
public:
  /// Nothing unless the settings ask for it. Errors: errc::bad_config_value; errc::io_error for a directory that others may write to;
  /// errc::context_stopped when another start has taken over from this process before.
  static std::optional<run_directory> begin(const config& settings);

  /// From 1: how often the driver was started, with this.
  std::uint64_t starts() const noexcept {
    return start_;
  }
  /// Of this context; it exists.
  const std::filesystem::path& path() const noexcept {
    return context_;
  }
  /// The same for all starts, and no other run's: for marks in places that are not this run's alone.
  const std::string& mark() const noexcept {
    return mark_;
  }
  bool still_ours() const;
  /// Errors: errc::context_stopped when another start has taken over.
  void check_owner() const;
  /// Nothing that this context keeps is to be used by another start.
  void forget() const;

private:
  run_directory() = default;
  void claim_start();
  void begin_context();

  std::filesystem::path run_;
  std::filesystem::path context_;
  std::string mark_;
  std::uint64_t start_ = 0;
};

/// There whole or not at all.
void write_whole(const std::filesystem::path& path, const std::string& text);
/// Empty if there is nothing to be read.
std::string read_text_of(const std::filesystem::path& path);

} // namespace salamander::actors
