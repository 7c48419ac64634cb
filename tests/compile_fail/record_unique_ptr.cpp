// expect: salamander: a pointer cannot travel between processes
#include <salamander/salamander.hpp>

#include <memory>

void define(const salamander::rdd<std::int64_t>& numbers) {
  numbers.map([](std::int64_t n) { return std::make_unique<std::int64_t>(n); }).collect();
}
