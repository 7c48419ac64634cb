// expect: salamander: this record is a std::variant with a std::string_view in it
#include <salamander/salamander.hpp>

void define(const salamander::rdd<std::string_view>& lines) {
  lines.map([](std::string_view line) { return std::variant<int, std::string_view>(line); }).collect();
}
