// expect: salamander: a function pointer means nothing in another process
#include <salamander/salamander.hpp>

std::int64_t twice(std::int64_t n);

void define(const salamander::rdd<std::int64_t>& numbers) {
  numbers.map(&twice);
}
