// The members of a plain aggregate, without macros: enough reflection to send a struct of strings and vectors.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace salamander::core {
namespace aggregate_detail {

struct anything {
  template <class T>
  operator T() const; // never defined: only asked whether it converts
};

template <class T, std::size_t... I>
constexpr bool initialisable(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), anything{})...}; };
}

/// Convert to nothing but a view or a pointer: only members of such types can be initialised from them.
struct only_view {
  operator std::string_view() const;
};
struct only_pointer {
  template <class P>
  operator P*() const;
};

template <class T, class Probe, std::size_t... I>
constexpr bool takes_probe(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), anything{})..., Probe{}}; };
}

template <class T, std::size_t... I>
constexpr bool any_member_borrows(std::index_sequence<I...>) {
  return ((takes_probe<T, only_view>(std::make_index_sequence<I>{}) || takes_probe<T, only_pointer>(std::make_index_sequence<I>{})) || ...);
}

/// Converts to nothing but base classes.
template <class T>
struct base_of {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T>)
  operator U() const;
};

template <class T, std::size_t... I, std::size_t... J>
constexpr bool may_leave_out(std::index_sequence<I...>, std::index_sequence<J...>) {
  return requires { T{(static_cast<void>(I), anything{})..., {}, (static_cast<void>(J), anything{})...}; };
}

/// An array takes an initialiser for each of its elements; where `{}` stands for all of them, there are too many others.
template <class T, std::size_t... I>
constexpr bool no_arrays(std::index_sequence<I...>) {
  return (may_leave_out<T>(std::make_index_sequence<I>{}, std::make_index_sequence<sizeof...(I) - 1 - I>{}) && ...);
}

template <class T, class Probe, std::size_t... I>
constexpr bool any_member_takes(std::index_sequence<I...>) {
  return (takes_probe<T, Probe>(std::make_index_sequence<I>{}) || ...);
}

/// The largest number of initialisers that T accepts is its number of members (bases are not supported).
template <class T, std::size_t N>
constexpr std::size_t field_count() {
  if constexpr (N == 0 || initialisable<T>(std::make_index_sequence<N>{}))
    return N;
  else
    return field_count<T, N - 1>();
}

} // namespace aggregate_detail

/// Members of an aggregate that can be reached. Limits: at most 24.
template <class T>
inline constexpr std::size_t fields_of = aggregate_detail::field_count<T, 24>();

template <class T>
inline constexpr bool is_reflectable = false;
template <class T>
  requires(std::is_aggregate_v<T> && !std::is_array_v<T>)
inline constexpr bool is_reflectable<T> = fields_of<T> > 0;

/// True for an aggregate with a member that can be initialised from a Probe.
template <class T, class Probe>
inline constexpr bool has_member_from = aggregate_detail::any_member_takes<T, Probe>(std::make_index_sequence<fields_of<T>>{});

/// True when for_each_field surely sees each member of T as it is: it has no arrays and no bases.
template <class T>
inline constexpr bool is_transparent = false;
template <class T>
  requires is_reflectable<T>
inline constexpr bool is_transparent<T> = aggregate_detail::no_arrays<T>(std::make_index_sequence<fields_of<T>>{}) &&
                                          !has_member_from<T, aggregate_detail::base_of<T>>;

/// True for an aggregate with a string_view or a raw pointer among its members: it cannot be kept or sent as it is.
template <class T>
inline constexpr bool has_borrowing_member = false;
template <class T>
  requires(std::is_aggregate_v<T> && !std::is_array_v<T>)
inline constexpr bool has_borrowing_member<T> = aggregate_detail::any_member_borrows<T>(std::make_index_sequence<fields_of<T>>{});

/// Calls f(member) for each member in order of declaration.
template <class T, class F>
constexpr void for_each_field(T& value, F&& f) {
  constexpr auto count = fields_of<std::remove_const_t<T>>;
  if constexpr (count == 1) {
    auto& [a0] = value;
    f(a0);
  } else if constexpr (count == 2) {
    auto& [a0, a1] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1);
  } else if constexpr (count == 3) {
    auto& [a0, a1, a2] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2);
  } else if constexpr (count == 4) {
    auto& [a0, a1, a2, a3] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3);
  } else if constexpr (count == 5) {
    auto& [a0, a1, a2, a3, a4] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4);
  } else if constexpr (count == 6) {
    auto& [a0, a1, a2, a3, a4, a5] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5);
  } else if constexpr (count == 7) {
    auto& [a0, a1, a2, a3, a4, a5, a6] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6);
  } else if constexpr (count == 8) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7);
  } else if constexpr (count == 9) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8);
  } else if constexpr (count == 10) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9);
  } else if constexpr (count == 11) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10);
  } else if constexpr (count == 12) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11);
  } else if constexpr (count == 13) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12);
  } else if constexpr (count == 14) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13);
  } else if constexpr (count == 15) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14);
  } else if constexpr (count == 16) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15);
  } else if constexpr (count == 17) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16);
  } else if constexpr (count == 18) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17);
  } else if constexpr (count == 19) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18);
  } else if constexpr (count == 20) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19);
  } else if constexpr (count == 21) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20);
  } else if constexpr (count == 22) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21);
  } else if constexpr (count == 23) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22);
  } else if constexpr (count == 24) {
    auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23] = value;
    [&](auto&... fields) { (f(fields), ...); }(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23);
  }
}

} // namespace salamander::core
