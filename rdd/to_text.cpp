#include <salamander/rdd/to_text.hpp>

#include <cmath>

namespace salamander::core {
namespace {

template <class Number>
void append_shortest(std::string& out, Number value) {
  char digits[64];
  const auto* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out += text;
  // A whole number keeps a fraction, so that the line reads back as the type it was written from.
  if (std::isfinite(value) && text.find_first_of(".e") == std::string_view::npos)
    out += ".0";
}

} // namespace

void append_number(std::string& out, double value) {
  append_shortest(out, value);
}

void append_number(std::string& out, float value) {
  append_shortest(out, value);
}

} // namespace salamander::core
