// expect: salamander: a pointer cannot travel between processes
#include <salamander/salamander.hpp>

void define(const salamander::rdd<std::int64_t>& numbers) {
  static std::int64_t factor = 3;
  numbers.map(salamander::bind_front([](const std::int64_t* f, std::int64_t n) { return n * *f; }, &factor));
}
