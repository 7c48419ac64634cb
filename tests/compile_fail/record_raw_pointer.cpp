// expect: salamander: this record is a struct with a string_view or a pointer in it
#include <salamander/salamander.hpp>

struct linked {
  std::string name;
  const linked* next = nullptr;
};

void define(const salamander::rdd<std::int64_t>& numbers) {
  numbers.map([](std::int64_t n) { return linked{std::to_string(n)}; }).collect();
}
