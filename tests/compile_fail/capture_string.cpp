// expect: pass it by sal::bind_front(f, value)
#include <salamander/salamander.hpp>

void define(const salamander::rdd<std::int64_t>& numbers) {
  const std::string prefix = "n";
  numbers.map([prefix](std::int64_t n) { return prefix + std::to_string(n); });
}
