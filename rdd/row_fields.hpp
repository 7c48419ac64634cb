// Between the fields of a row and the members of a struct.
#pragma once

#include <salamander/rdd/call_site.hpp>
#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/csv_reader.hpp>
#include <salamander/rdd/json_value.hpp>

#include <limits>
#include <optional>

namespace salamander::core {

template <class T>
inline constexpr bool is_tuple_like = requires { std::tuple_size<T>::value; } && !codec_detail::is_std_array<T>;

/// A struct whose members can be seen one by one, a pair or a tuple.
template <class T>
concept row_record = is_tuple_like<T> || is_transparent<T>;

template <class T>
consteval std::size_t count_members() {
  if constexpr (is_tuple_like<T>)
    return std::tuple_size_v<T>;
  else
    return fields_of<T>;
}
template <row_record T>
inline constexpr std::size_t members_of = count_members<T>();

template <row_record T, class F>
void for_each_member(T& value, F&& f) {
  if constexpr (is_tuple_like<std::remove_const_t<T>>)
    std::apply([&](auto&... members) { (f(members), ...); }, value);
  else
    for_each_field(value, f);
}

/// T::column_names, if the struct has them: as many as it has members.
template <class T>
std::vector<std::string> names_of_members() {
  if constexpr (requires { T::column_names.begin(); }) {
    static_assert(std::size(T::column_names) == members_of<T>, "salamander: column_names has to name each member, in order of declaration");
    return {T::column_names.begin(), T::column_names.end()};
  } else {
    return {};
  }
}

template <class M>
inline constexpr bool is_optional_member = false;
template <class M>
inline constexpr bool is_optional_member<std::optional<M>> = true;

/// Errors: errc::invalid_argument.
void check_rows(const csv_options& options, std::size_t members, const char* operation, const call_site& site);
void check_columns(const std::vector<std::string>& columns, std::size_t members, const char* operation, const call_site& site);

/// The error for a row, when malformed rows are errors.
[[noreturn]] void throw_malformed(const malformed_row& row);

// -- texts -> members. False: the text is no such value. Blanks around numbers and flags do not count.

bool parse_text(std::string_view text, std::int64_t& to) noexcept;
bool parse_text(std::string_view text, std::uint64_t& to) noexcept;
bool parse_text(std::string_view text, double& to) noexcept;
/// true, false, in any case, 1 and 0.
bool parse_text(std::string_view text, bool& to) noexcept;

template <class Wide, class M>
bool narrowed(Wide value, M& to) noexcept {
  if (value < static_cast<Wide>(std::numeric_limits<M>::min()) || value > static_cast<Wide>(std::numeric_limits<M>::max()))
    return false;
  to = static_cast<M>(value);
  return true;
}

template <class M>
constexpr const char* kind_name() {
  if constexpr (std::is_same_v<M, bool>)
    return "true or false";
  else if constexpr (std::is_integral_v<M>)
    return std::is_signed_v<M> ? "an integer in range" : "an unsigned integer in range";
  else
    return "a number";
}

/// Appends to `reason` why the field cannot be a member of type M; nothing when it was read.
template <class M>
void read_field(const csv_field& field, M& to, std::string& reason) {
  if constexpr (is_optional_member<M>) {
    if (field.null)
      to.reset();
    else
      read_field(field, to.emplace(), reason);
  } else if constexpr (std::is_same_v<M, std::string>) {
    to.assign(field.text);
  } else if constexpr (std::is_enum_v<M>) {
    std::underlying_type_t<M> number{};
    read_field(field, number, reason);
    to = static_cast<M>(number);
  } else {
    static_assert(std::is_arithmetic_v<M> && !std::is_same_v<M, long double>,
                  "salamander: a member of a CSV row is a number, a bool, an enum, a std::string, or a std::optional of those");
    bool good = false;
    if constexpr (std::is_same_v<M, bool>) {
      good = parse_text(field.text, to);
    } else if constexpr (std::is_floating_point_v<M>) {
      double wide = 0;
      good = parse_text(field.text, wide);
      to = static_cast<M>(wide);
    } else {
      std::conditional_t<std::is_signed_v<M>, std::int64_t, std::uint64_t> wide = 0;
      good = parse_text(field.text, wide) && narrowed(wide, to);
    }
    if (good)
      return;
    if (field.null)
      reason += std::string("is empty instead of ") + kind_name<M>() + "; make the member a std::optional if it may be";
    else
      reason += "is '" + std::string(field.text.substr(0, 100)) + "' instead of " + kind_name<M>();
  }
}

// -- JSON -> members

template <class M>
void read_json(const json_value& value, M& to, std::string& reason);

/// An object by names, or a list by position.
template <row_record T>
void read_json_row(const json_value& value, const std::vector<std::string>& names, T& to, std::string& reason) {
  std::size_t at = 0;
  const auto read = [&](const std::optional<json_value>& found, const std::string& place, auto& member) {
    std::string why;
    if (found)
      read_json(*found, member, why);
    else if constexpr (is_optional_member<std::remove_cvref_t<decltype(member)>>)
      member.reset();
    else
      why = "is missing; make the member a std::optional if it may be";
    if (!why.empty())
      reason += place + " " + why;
  };
  if (value.what() == json_value::kind::object) {
    if (names.empty()) {
      reason += "is an object, and nothing says which member has which name: give the struct column_names, or pass columns";
      return;
    }
    for_each_member(to, [&](auto& member) {
      const auto& name = names[at++];
      if (reason.empty())
        read(value.member(name), "'" + name + "'", member);
    });
  } else if (value.what() == json_value::kind::list) {
    std::vector<json_value> elements;
    value.each_element([&](const json_value& one) {
      elements.push_back(one);
      return true;
    });
    if (elements.size() != members_of<T>) {
      reason += "has " + std::to_string(elements.size()) + " elements instead of " + std::to_string(members_of<T>);
      return;
    }
    for_each_member(to, [&](auto& member) {
      if (reason.empty())
        read(elements[at], "element " + std::to_string(at + 1), member);
      ++at;
    });
  } else {
    reason += std::string("is ") + value.describe() + " instead of an object or a list";
  }
}

/// Appends to `reason` why the value cannot be a member of type M; nothing when it was read.
template <class M>
void read_json(const json_value& value, M& to, std::string& reason) {
  using kind = json_value::kind;
  const auto what = value.what();
  const auto instead_of = [&](const char* wanted) { reason += std::string("is ") + value.describe() + " instead of " + wanted; };
  if constexpr (is_optional_member<M>) {
    if (what == kind::null)
      to.reset();
    else
      read_json(value, to.emplace(), reason);
  } else if constexpr (std::is_same_v<M, std::string>) {
    if (what == kind::text)
      to.assign(value.text());
    else
      instead_of("a text");
  } else if constexpr (std::is_same_v<M, bool>) {
    if (what == kind::boolean)
      to = value.boolean();
    else
      instead_of(kind_name<M>());
  } else if constexpr (std::is_enum_v<M>) {
    std::underlying_type_t<M> number{};
    read_json(value, number, reason);
    to = static_cast<M>(number);
  } else if constexpr (std::is_floating_point_v<M>) {
    if (what == kind::integer || what == kind::large_integer || what == kind::number)
      to = static_cast<M>(value.number());
    else
      instead_of(kind_name<M>());
  } else if constexpr (std::is_integral_v<M>) {
    bool good = false;
    if (what == kind::integer)
      good = std::is_signed_v<M> ? narrowed(value.integer(), to)
                                 : value.integer() >= 0 && narrowed(static_cast<std::uint64_t>(value.integer()), to);
    else if (what == kind::large_integer && !std::is_signed_v<M>)
      good = narrowed(value.large_integer(), to);
    if (!good)
      instead_of(kind_name<M>());
  } else if constexpr (container_record<M> && requires { typename M::mapped_type; }) {
    static_assert(std::is_same_v<typename M::key_type, std::string>, "salamander: names in JSON objects are texts: use a map from std::string");
    if (what != kind::object)
      return instead_of("an object");
    value.each_member([&](std::string_view name, const json_value& one) {
      typename M::mapped_type mapped{};
      read_json(one, mapped, reason);
      to.insert_or_assign(std::string(name), std::move(mapped));
      return reason.empty();
    });
  } else if constexpr (container_record<M>) {
    if (what != kind::list)
      return instead_of("a list");
    value.each_element([&](const json_value& one) {
      typename M::value_type element{};
      read_json(one, element, reason);
      to.insert(to.end(), std::move(element));
      return reason.empty();
    });
  } else if constexpr (row_record<M>) {
    read_json_row(value, names_of_members<M>(), to, reason);
  } else {
    static_assert(!sizeof(M), "salamander: a member of a JSON row is a number, a bool, an enum, a std::string, a container, a struct, or a "
                              "std::optional of those");
  }
}

} // namespace salamander::core
