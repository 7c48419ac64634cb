// Records as lines of text, the way Spark writes them: (key,value), [a, b], Some(x), None.
#pragma once

#include <salamander/rdd/codec.hpp>

#include <charconv>
#include <string>

namespace salamander::core {

void append_number(std::string& out, double value);
void append_number(std::string& out, float value);

template <class T>
concept streamable_text = requires(const T& value) {
  { value.to_text() } -> std::convertible_to<std::string>;
};

/// Appends the text of a value: strings and characters as they are, numbers in the shortest form that reads back as the same
/// value, pairs and tuples as (a,b), sequences as [a, b], optionals as Some(a) or None, other types by their to_text().
template <class T>
void append_text(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    out += value;
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    out += value;
  } else if constexpr (std::is_integral_v<T>) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  } else if constexpr (std::is_enum_v<T>) {
    append_text(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    append_number(out, value);
  } else if constexpr (streamable_text<T>) {
    out += value.to_text();
  } else if constexpr (requires { value.first; value.second; typename T::first_type; }) {
    out += '(';
    append_text(out, value.first);
    out += ',';
    append_text(out, value.second);
    out += ')';
  } else if constexpr (requires { value.begin() != value.end(); value.size(); }) {
    out += '[';
    bool first = true;
    for (const auto& element : value) {
      if (!first)
        out += ", ";
      first = false;
      append_text(out, element);
    }
    out += ']';
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    out += '(';
    bool first = true;
    std::apply(
        [&](const auto&... fields) {
          ((out += first ? "" : ",", first = false, append_text(out, fields)), ...);
        },
        value);
    out += ')';
  } else if constexpr (requires { value.has_value(); *value; }) {
    if (value) {
      out += "Some(";
      append_text(out, *value);
      out += ')';
    } else {
      out += "None";
    }
  } else if constexpr (is_reflectable<T>) {
    out += '(';
    bool first = true;
    for_each_field(value, [&](const auto& field) {
      if (!first)
        out += ',';
      first = false;
      append_text(out, field);
    });
    out += ')';
  } else {
    static_assert(!sizeof(T), "salamander: this record has no text form: map it to a string, or give its type a std::string to_text() const");
  }
}

} // namespace salamander::core
