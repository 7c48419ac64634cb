// A directory that does not outlive its process, however that ends.
#pragma once

#include <filesystem>
#include <string>

namespace salamander::core {

/// Made with mode 0700 under `parent`, named `prefix` and something at random. Its destructor removes it with all that is in it; what a
/// process that was killed has left, the next one that makes one of the same parent and prefix removes.
/// Threads: one at a time.
class scratch_directory {
public:
  /// Errors: errc::io_error.
  scratch_directory(const std::filesystem::path& parent, const std::string& prefix);
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory();

  const std::filesystem::path& path() const noexcept {
    return path_;
  }

private:
  std::filesystem::path path_;
  int lock_ = -1; ///< of the directory: held as long as this process lives
};

} // namespace salamander::core
