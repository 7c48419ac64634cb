// expect: salamander: this function captures by reference
#include <salamander/salamander.hpp>

void define(const salamander::rdd<std::int64_t>& numbers) {
  std::int64_t factor = 3;
  numbers.map([&factor](std::int64_t n) { return n * factor; });
}
