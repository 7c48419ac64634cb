// What a record type becomes when it is kept: views turn into owned values, strings into characters of an arena.
#pragma once

#include <salamander/rdd/aggregate.hpp>
#include <salamander/rdd/arena.hpp>
#include <salamander/rdd/group.hpp>

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace salamander::core {

// -- owned_t<T>: what collect returns --------------------------------------------

template <class T>
struct owned {
  using type = T;
};
template <>
struct owned<std::string_view> {
  using type = std::string;
};
template <class A, class B>
struct owned<std::pair<A, B>> {
  using type = std::pair<typename owned<A>::type, typename owned<B>::type>;
};
template <class... Ts>
struct owned<std::tuple<Ts...>> {
  using type = std::tuple<typename owned<Ts>::type...>;
};
template <class T>
struct owned<std::optional<T>> {
  using type = std::optional<typename owned<T>::type>;
};
template <class T, class A>
struct owned<std::vector<T, A>> {
  using type = std::vector<typename owned<T>::type>;
};
template <class V>
struct owned<group<V>> {
  using type = std::vector<typename owned<V>::type>;
};

/// T with every view replaced by a value: string_view -> string, group<V> -> vector<V>, also inside pairs and tuples.
template <class T>
using owned_t = typename owned<T>::type;

// -- record_t<T>: what the elements of a range are as records --------------------

template <class T>
struct without_const_key {
  using type = T;
};
template <class A, class B>
struct without_const_key<std::pair<const A, B>> {
  using type = std::pair<A, B>;
};

/// T without references and qualifiers; the elements of a map, whose keys are const, become plain pairs.
template <class T>
using record_t = typename without_const_key<std::remove_cvref_t<T>>::type;

// -- kept_t<T>: what shuffles hand on -------------------------------------------

template <class T>
struct kept {
  using type = T;
};
template <>
struct kept<std::string_view> {
  using type = std::string;
};
template <class A, class B>
struct kept<std::pair<A, B>> {
  using type = std::pair<typename kept<A>::type, typename kept<B>::type>;
};
template <class... Ts>
struct kept<std::tuple<Ts...>> {
  using type = std::tuple<typename kept<Ts>::type...>;
};
template <class T>
struct kept<std::optional<T>> {
  using type = std::optional<typename kept<T>::type>;
};
template <class T, class A>
struct kept<std::vector<T, A>> {
  using type = std::vector<typename kept<T>::type>;
};

/// T with string_view replaced by string; groups stay as they are, since they keep their values alive by themselves.
template <class T>
using kept_t = typename kept<T>::type;

// -- row_t<T>: how a record lies in a block -----------------------------------

template <class T>
struct row {
  using type = T;
};
template <>
struct row<std::string> {
  using type = std::string_view;
};
template <class A, class B>
struct row<std::pair<A, B>> {
  using type = std::pair<typename row<A>::type, typename row<B>::type>;
};
template <class... Ts>
struct row<std::tuple<Ts...>> {
  using type = std::tuple<typename row<Ts>::type...>;
};
template <class T>
struct row<std::optional<T>> {
  using type = std::optional<typename row<T>::type>;
};
template <class T, class A>
struct row<std::vector<T, A>> {
  using type = std::vector<typename owned<T>::type>;
};

/// T with every string replaced by a view into the block's arena. A row of strings costs no allocation of its own.
template <class T>
using row_t = typename row<T>::type;

/// True when T is made of bits that mean the same in another process of this binary: it travels as raw bytes.
/// Pairs and tuples are not trivially copyable for the language, but their bits are.
template <class T>
inline constexpr bool is_plain = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;
template <>
inline constexpr bool is_plain<std::string_view> = false;
template <class T, std::size_t N>
inline constexpr bool is_plain<std::span<T, N>> = false;
template <class T>
inline constexpr bool is_plain<std::reference_wrapper<T>> = false;
template <class A, class B>
inline constexpr bool is_plain<std::pair<A, B>> = is_plain<A> && is_plain<B>;
template <class... Ts>
inline constexpr bool is_plain<std::tuple<Ts...>> = (is_plain<Ts> && ...);
template <class T>
inline constexpr bool is_plain<std::optional<T>> = is_plain<T>;
template <class T, std::size_t N>
inline constexpr bool is_plain<std::array<T, N>> = is_plain<T>;
template <class... Ts>
inline constexpr bool is_plain<std::variant<Ts...>> = false; // an index from outside has to be checked

template <class T>
struct raw_bits;

/// Initialises members that are not raw, and no others.
struct not_raw {
  template <class U>
    requires(!raw_bits<U>::value)
  operator U() const;
};

template <class T>
constexpr bool is_raw_value() {
  if constexpr (!is_plain<T> || std::is_same_v<T, bool>)
    return false;
  else if constexpr (is_transparent<T>)
    return !has_member_from<T, not_raw>;
  else
    return true;
}
template <class T>
struct raw_bits : std::bool_constant<is_raw_value<T>()> {};
template <class A, class B>
struct raw_bits<std::pair<A, B>> : std::bool_constant<raw_bits<A>::value && raw_bits<B>::value> {};
template <class... Ts>
struct raw_bits<std::tuple<Ts...>> : std::bool_constant<(raw_bits<Ts>::value && ...)> {};
template <class T, std::size_t N>
struct raw_bits<std::array<T, N>> : raw_bits<T> {};
template <class T>
struct raw_bits<std::optional<T>> : std::false_type {};

/// True when T travels as its bits without a look at them: it is plain, and every pattern of bits is a value. A flag or the index of
/// a variant is not; neither is a struct with one among its members, as far as they can be seen (not in arrays, bases and classes with
/// private members: whoever keeps flags there relies on the sender).
template <class T>
inline constexpr bool is_raw = raw_bits<T>::value;

/// True when T contains a view whose characters somebody else owns.
template <class T>
inline constexpr bool is_borrowed = false;
template <>
inline constexpr bool is_borrowed<std::string_view> = true;
template <class A, class B>
inline constexpr bool is_borrowed<std::pair<A, B>> = is_borrowed<A> || is_borrowed<B>;
template <class... Ts>
inline constexpr bool is_borrowed<std::tuple<Ts...>> = (is_borrowed<Ts> || ...);
template <class T>
inline constexpr bool is_borrowed<std::optional<T>> = is_borrowed<T>;
template <class T, class A>
inline constexpr bool is_borrowed<std::vector<T, A>> = is_borrowed<T>;

/// True for types that may be NaN, or have a part that may.
template <class T>
inline constexpr bool may_be_nan = std::is_floating_point_v<T>;
template <class A, class B>
inline constexpr bool may_be_nan<std::pair<A, B>> = may_be_nan<A> || may_be_nan<B>;
template <class... Ts>
inline constexpr bool may_be_nan<std::tuple<Ts...>> = (may_be_nan<Ts> || ...);
template <class T>
inline constexpr bool may_be_nan<std::optional<T>> = may_be_nan<T>;
template <class T, class A>
inline constexpr bool may_be_nan<std::vector<T, A>> = may_be_nan<T>;
template <class T, std::size_t N>
inline constexpr bool may_be_nan<std::array<T, N>> = may_be_nan<T>;

/// Makes an owned value of a record or row. `Owned` is owned_t of the record's type.
template <class Owned, class T>
Owned to_owned(T&& record) {
  using type = std::remove_cvref_t<T>;
  if constexpr (std::is_same_v<Owned, type>) {
    return std::forward<T>(record);
  } else if constexpr (std::is_same_v<type, std::string_view>) {
    return Owned(record);
  } else if constexpr (requires { record.first; record.second; }) {
    return Owned{to_owned<typename Owned::first_type>(std::forward<T>(record).first),
                 to_owned<typename Owned::second_type>(std::forward<T>(record).second)};
  } else if constexpr (requires { std::tuple_size<type>::value; }) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Owned{to_owned<std::tuple_element_t<I, Owned>>(std::get<I>(std::forward<T>(record)))...};
    }(std::make_index_sequence<std::tuple_size_v<type>>{});
  } else if constexpr (requires { record.has_value(); *record; }) {
    if (!record)
      return std::nullopt;
    return Owned{to_owned<typename Owned::value_type>(*std::forward<T>(record))};
  } else if constexpr (requires { record.begin(); record.size(); typename Owned::value_type; }) {
    Owned values;
    values.reserve(record.size());
    for (const auto& value : record)
      values.push_back(to_owned<typename Owned::value_type>(value));
    return values;
  } else {
    return Owned(std::forward<T>(record));
  }
}

/// Turns a record into its row; characters go to the arena.
template <class T>
row_t<std::remove_cvref_t<T>> to_row(T&& record, arena& characters) {
  using type = std::remove_cvref_t<T>;
  if constexpr (std::is_same_v<type, std::string> || std::is_same_v<type, std::string_view>) {
    return characters.copy(record);
  } else if constexpr (requires { typename std::tuple_size<type>::type; record.first; }) {
    return {to_row(std::forward<T>(record).first, characters), to_row(std::forward<T>(record).second, characters)};
  } else if constexpr (requires { std::tuple_size<type>::value; } && !requires { record.data(); }) {
    return std::apply([&](auto&&... fields) { return row_t<type>{to_row(std::forward<decltype(fields)>(fields), characters)...}; },
                      std::forward<T>(record));
  } else if constexpr (requires { record.has_value(); *record; }) {
    if (!record)
      return std::nullopt;
    return to_row(*std::forward<T>(record), characters);
  } else if constexpr (std::is_same_v<row_t<type>, type>) {
    return std::forward<T>(record);
  } else {
    return to_owned<row_t<type>>(std::forward<T>(record));
  }
}

/// Writes a row over an existing owned record, reusing its allocations.
template <class Owned, class Row>
void assign_owned(Owned& to, const Row& from) {
  if constexpr (std::is_same_v<Owned, std::string> && std::is_same_v<Row, std::string_view>) {
    to.assign(from.data(), from.size());
  } else if constexpr (std::is_same_v<Owned, Row>) {
    to = from;
  } else if constexpr (requires { from.first; from.second; }) {
    assign_owned(to.first, from.first);
    assign_owned(to.second, from.second);
  } else {
    to = to_owned<Owned>(from);
  }
}

/// Heap bytes behind one record, beyond sizeof(T), as far as they can be seen.
template <class T>
std::size_t heap_bytes(const T& record) noexcept {
  if constexpr (is_plain<T> || std::is_same_v<T, std::string_view>) {
    return 0;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return record.capacity() > 15 ? record.capacity() + 17 : 0;
  } else if constexpr (requires { record.first; record.second; }) {
    return heap_bytes(record.first) + heap_bytes(record.second);
  } else if constexpr (requires { record.begin(); record.size(); typename T::value_type; }) {
    using element = typename T::value_type;
    constexpr std::size_t node_bytes = requires { typename T::key_type; } ? 48 : 0;
    std::size_t places = record.size();
    if constexpr (requires { record.capacity(); })
      places = record.capacity();
    std::size_t sum = places * (sizeof(element) + node_bytes) + 16;
    if constexpr (!is_plain<element>)
      for (const auto& value : record)
        sum += heap_bytes(value);
    return sum;
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return std::apply([](const auto&... fields) { return (std::size_t{0} + ... + heap_bytes(fields)); }, record);
  } else if constexpr (requires { record.has_value(); *record; }) {
    return record ? heap_bytes(*record) : 0;
  } else if constexpr (is_reflectable<T>) {
    std::size_t sum = 0;
    for_each_field(record, [&](const auto& field) { sum += heap_bytes(field); });
    return sum;
  } else {
    return 0;
  }
}

} // namespace salamander::core
