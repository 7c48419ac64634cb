// A directory that goes with its object.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>

namespace runtime_test {

class scratch_directory {
public:
  scratch_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "salamander-test-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::runtime_error("no scratch directory");
    path_ = name;
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const noexcept {
    return path_;
  }

private:
  std::filesystem::path path_;
};

} // namespace runtime_test
