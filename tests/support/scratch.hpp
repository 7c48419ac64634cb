// A directory for the files of one test.
#pragma once

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <stdlib.h>

namespace test_support {

/// Made with mode 0700 and a name of its own; goes with the object, with all that is in it.
/// Errors: std::system_error when it cannot be made.
class scratch {
public:
  scratch() : scratch(std::filesystem::temp_directory_path()) {}
  explicit scratch(const std::filesystem::path& parent) {
    auto name = (parent / "salamander-test-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::system_error(errno, std::generic_category(), "cannot make the directory " + name);
    path_ = name;
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept {
    return path_;
  }
  /// The path of a file in it.
  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }
  /// Writes a file; returns its path.
  std::string file(const std::string& name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return *this / name;
  }

private:
  std::filesystem::path path_;
};

} // namespace test_support
