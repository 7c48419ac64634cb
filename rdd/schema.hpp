// What a record type looks like in a file, as a text: two types with one text have the same bytes.
//
//   int32 uint64 float64 bool string        numbers by size
//   pair(a,b)  tuple(a,b,c)  optional(a)  variant(a,b)  array(a,3)  list(a)  set(a)  map(a,b)
//   struct(a,b,c)  struct(a,b,c):24         an aggregate's members; with its size if its bits are written
//   class ns::name  bits:16 ns::name        MSGPACK_DEFINE; anything else whose bits are written
#pragma once

#include <salamander/rdd/codec.hpp>

#include <string>
#include <string_view>

namespace salamander::core {

/// The name that the compiler gives a type, for messages and for types that show nothing else of themselves.
template <class T>
constexpr std::string_view type_name() noexcept {
  // "... type_name() [with T = NAME; ...]" (g++), "... type_name() [T = NAME]" (clang)
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr auto begin = text.find("T = ") + 4;
  constexpr auto semicolon = text.find(';', begin);
  return text.substr(begin, (semicolon == std::string_view::npos ? text.rfind(']') : semicolon) - begin);
}

template <class T>
void append_schema(std::string& out);

namespace schema_detail {

template <class... Ts>
void append_list(std::string& out, const char* name) {
  out += name;
  out += '(';
  bool first = true;
  ((out += first ? "" : ",", first = false, append_schema<Ts>(out)), ...);
  out += ')';
}

template <class T>
struct members;
template <class... Ts>
struct members<std::tuple<Ts...>> {
  static void append(std::string& out) {
    append_list<Ts...>(out, "tuple");
  }
};
template <class... Ts>
struct members<std::variant<Ts...>> {
  static void append(std::string& out) {
    append_list<Ts...>(out, "variant");
  }
};

template <class T>
void append_fields(std::string& out) {
  out += "struct(";
  bool first = true;
  const T value{};
  for_each_field(value, [&]<class F>(const F&) {
    out += first ? "" : ",";
    first = false;
    append_schema<F>(out);
  });
  out += ')';
  if constexpr (is_raw<T>)
    out += ":" + std::to_string(sizeof(T));
}

} // namespace schema_detail

/// Appends the schema of T, by the same distinctions as the codec (codec.hpp).
template <class T>
void append_schema(std::string& out) {
  using namespace schema_detail;
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    out += "string";
  } else if constexpr (std::is_same_v<T, bool>) {
    out += "bool";
  } else if constexpr (std::is_enum_v<T>) {
    append_schema<std::underlying_type_t<T>>(out);
  } else if constexpr (std::is_integral_v<T>) {
    out += std::is_signed_v<T> ? "int" : "uint";
    out += std::to_string(sizeof(T) * 8);
  } else if constexpr (std::is_floating_point_v<T>) {
    out += "float" + std::to_string(sizeof(T) * 8);
  } else if constexpr (has_msgpack_define<T>) {
    out += "class ";
    out += type_name<T>();
  } else if constexpr (requires { typename T::first_type; typename T::second_type; }) {
    append_list<typename T::first_type, typename T::second_type>(out, "pair");
  } else if constexpr (codec_detail::is_std_array<T>) {
    out += "array(";
    append_schema<typename T::value_type>(out);
    out += "," + std::to_string(std::tuple_size_v<T>) + ")";
  } else if constexpr (requires { std::tuple_size<T>::value; } || codec_detail::is_variant<T>) {
    members<T>::append(out);
  } else if constexpr (codec_detail::is_group<T>) {
    append_list<typename T::value_type>(out, "list");
  } else if constexpr (container_record<T>) {
    if constexpr (requires { typename T::mapped_type; })
      append_list<typename T::key_type, typename T::mapped_type>(out, "map");
    else if constexpr (requires { typename T::key_type; })
      append_list<typename T::key_type>(out, "set");
    else
      append_list<typename T::value_type>(out, "list");
  } else if constexpr (requires(T v) { v.has_value(); typename T::value_type; }) {
    append_list<typename T::value_type>(out, "optional");
  } else if constexpr (is_transparent<T> && std::is_default_constructible_v<T>) {
    append_fields<T>(out);
  } else {
    out += "bits:" + std::to_string(sizeof(T)) + " ";
    out += type_name<T>();
  }
}

/// A record type as a file remembers it.
struct record_schema {
  std::string name; ///< as the compiler calls it; for messages
  std::string text; ///< what has to be the same for the reader
};

/// The schema of T as it is kept: a view is the same as the string that it becomes.
template <class T>
record_schema schema_of() {
  record_schema made{std::string(type_name<T>()), {}};
  append_schema<T>(made.text);
  return made;
}

} // namespace salamander::core
