// The directory of one application on one machine: sockets, certificates, shared memory. Nobody else can look into it.
#pragma once

#include <filesystem>

namespace salamander::actors {

/// Mode 0700, named salamander-<user>-<process>-<random>, removed with the object. While it is used its file `lock` is locked.
class application_directory {
public:
  /// `parent` empty: $TMPDIR, else /tmp. Also removes what dead applications of this user left there.
  /// Errors: errc::io_error.
  explicit application_directory(const std::filesystem::path& parent);
  application_directory(const application_directory&) = delete;
  application_directory& operator=(const application_directory&) = delete;
  ~application_directory();

  const std::filesystem::path& path() const noexcept {
    return path_;
  }
  /// Removes it now. Idempotent.
  void remove() noexcept;

private:
  std::filesystem::path path_;
  int lock_ = -1;
};

} // namespace salamander::actors
