// expect: salamander: this record is a container of std::string_view
#include <salamander/salamander.hpp>

#include <set>

void define(const salamander::rdd<std::string_view>& lines) {
  lines.map([](std::string_view line) { return std::set<std::string_view>{line}; }).collect();
}
