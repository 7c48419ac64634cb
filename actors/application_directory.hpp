// The directory of one application on one machine: sockets, certificates, shared memory. Nobody else can look into it.
#pragma once

#include <salamander/actors/keeper.hpp>

#include <filesystem>
#include <optional>

namespace salamander::actors {

/// Mode 0700, named salamander-<user>-<process>-<random>, removed with the object. While it is used its file `lock` is locked.
class application_directory {
public:
  /// Whether a keeper removes it if this process dies. Only in programs that call init: the keeper is the same program.
  enum class care : bool { own, kept };

  /// `parent` empty: $TMPDIR, else /tmp. Also removes what dead applications of this user left there.
  /// Errors: errc::io_error.
  explicit application_directory(const std::filesystem::path& parent, care how = care::own);
  application_directory(const application_directory&) = delete;
  application_directory& operator=(const application_directory&) = delete;
  ~application_directory();

  const std::filesystem::path& path() const noexcept {
    return path_;
  }
  /// Removes it now, and ends the keeper. Idempotent.
  void remove() noexcept;
  /// 0 if there is none.
  pid_t keeper_process() const noexcept {
    return keeper_ ? keeper_->process() : 0;
  }

private:
  void make(const std::filesystem::path& parent, care how);

  std::filesystem::path path_;
  int lock_ = -1;
  std::optional<keeper> keeper_;
};

/// Whether the path could be that of a directory of this user's application: its name is checked, nothing else.
bool is_application_directory_name(const std::filesystem::path& path);

} // namespace salamander::actors
