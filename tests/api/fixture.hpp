// One context for each test case, on the master under test.
#pragma once

#include "../support/scratch.hpp"

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
using test_support::scratch;

struct api {
  sal::context sc{sal::config{}.set_app_name("api tests")};
};

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

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
