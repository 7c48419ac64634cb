// One context for each test case, on the master under test.
#pragma once

#include <doctest/doctest.h>

#include <salamander/salamander.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sal = salamander;

struct api {
  sal::context sc{sal::config{}.set_app_name("api tests")};
};

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

/// A directory that goes with the test.
struct scratch {
  std::filesystem::path path;

  scratch() {
    auto name = (std::filesystem::temp_directory_path() / "salamander-test-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string file(const std::string& name, const std::string& content) const {
    const auto at = path / name;
    std::ofstream(at, std::ios::binary) << content;
    return at.string();
  }
  std::string operator/(const std::string& name) const {
    return (path / name).string();
  }
};

/// The code of the error that f throws; internal when it throws none.
template <class F>
sal::errc code_of(F&& f, std::string* text = nullptr) {
  try {
    f();
  } catch (const sal::error& failure) {
    if (text)
      *text = failure.what();
    return failure.code();
  }
  return sal::errc::internal;
}
