// expect: salamander: a std::span or std::reference_wrapper cannot travel
#include <salamander/salamander.hpp>

#include <span>

void define(const salamander::rdd<std::string_view>& lines) {
  lines.map([](std::string_view line) { return std::span<const char>(line); }).collect();
}
