// What the examples of docs/operations.md stand in.
#pragma once

#include <doctest/doctest.h>

#include <salamander/rdd/to_text.hpp>
#include <salamander/salamander.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <numeric>
#include <thread>

namespace sal = salamander;

/// A directory, written as `dir / "name"`.
class example_directory {
public:
  example_directory() {
    auto name = (std::filesystem::temp_directory_path() / "salamander-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  example_directory(const example_directory&) = delete;
  example_directory& operator=(const example_directory&) = delete;
  ~example_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

private:
  std::filesystem::path path_;
};

inline void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct example {
  sal::context sc{sal::config{}.set_app_name("examples")};
  example_directory dir;

  template <class Line>
  void gives(Line&& line, const std::string& expected) {
    std::string text;
    salamander::core::append_text(text, line());
    CHECK(text == expected);
  }
};
