// What the examples of docs/operations.md stand in.
#pragma once

#include "../support/scratch.hpp"

#include <doctest/doctest.h>

#include <salamander/rdd/to_text.hpp>
#include <salamander/salamander.hpp>

#include <fstream>
#include <iostream>
#include <map>
#include <numeric>
#include <thread>

namespace sal = salamander;

inline void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct example {
  sal::context sc{sal::config{}.set_app_name("examples")};
  test_support::scratch dir; ///< its files are written as `dir / "name"`

  template <class Line>
  void gives(Line&& line, const std::string& expected) {
    std::string text;
    salamander::core::append_text(text, line());
    CHECK(text == expected);
  }
};
