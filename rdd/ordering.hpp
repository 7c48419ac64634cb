// What is asked of a user's ordering, and the order that records have by themselves.
#pragma once

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/record_types.hpp>

#include <algorithm>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace salamander::core {

/// Errors: errc::invalid_argument when `less` says of a and b that each comes before the other. That finds the usual mistakes (<=, !=)
/// where it is cheap, and not every ordering that is none.
template <class A, class B, class Less>
void check_order(const A& a, const B& b, const Less& less) {
  if (less(a, b) && less(b, a))
    throw_error(errc::invalid_argument, "the ordering is not a strict weak order: of two records each comes before the other; for equal "
                                        "ones it has to be false, as < is and <= is not");
}

/// a < b for a value and another of its type, owned or as a row. NaN comes after all numbers and equals itself: for < alone it equals every
/// number, which is no order to sort by.
template <class A, class B>
bool comes_before(const A& a, const B& b) {
  if constexpr (std::is_same_v<A, B> && !may_be_nan<A>) {
    return a < b;
  } else if constexpr (std::is_floating_point_v<A>) {
    return a < b || (b != b && a == a);
  } else if constexpr (requires { std::tuple_size<A>::value; } && !requires { a.begin(); }) {
    bool less = false;
    const auto decided = [&](const auto& x, const auto& y) { return (less = comes_before(x, y)) || comes_before(y, x); };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      static_cast<void>((decided(std::get<I>(a), std::get<I>(b)) || ...));
    }(std::make_index_sequence<std::tuple_size_v<A>>{});
    return less;
  } else if constexpr (requires { a.has_value(); }) {
    return b.has_value() && (!a.has_value() || comes_before(*a, *b));
  } else if constexpr (may_be_nan<A>) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](const auto& x, const auto& y) { return comes_before(x, y); });
  } else {
    return a < b;
  }
}

struct ascending_less {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return comes_before(a, b);
  }
};
struct descending_less {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return comes_before(b, a);
  }
};

/// True for orderings that take any of two: owned values and rows.
template <class Less>
inline constexpr bool orders_rows = false;
template <>
inline constexpr bool orders_rows<ascending_less> = true;
template <>
inline constexpr bool orders_rows<descending_less> = true;

/// True for pairs and the like that hold strings: they lie in blocks as another type, which the standard does not compare with the owned one.
template <class K>
inline constexpr bool differs_as_row = !std::is_same_v<row_t<kept_t<K>>, owned_t<K>> && !std::is_same_v<owned_t<K>, std::string>;

/// The ordering that is used for owned K where a user asks for `less`: those of the standard become orderings of rows too, with a place for
/// NaN; others stay as they are.
template <class K, class Less>
auto strict_order(Less less) {
  constexpr bool by_parts = may_be_nan<K> || differs_as_row<K>;
  if constexpr (by_parts && (std::is_same_v<Less, std::less<>> || std::is_same_v<Less, std::less<K>>))
    return ascending_less{};
  else if constexpr (by_parts && (std::is_same_v<Less, std::greater<>> || std::is_same_v<Less, std::greater<K>>))
    return descending_less{};
  else
    return less;
}

} // namespace salamander::core

namespace salamander {

/// The ordering of pairs by their second member, for top, take_ordered, min and max.
struct by_value_t {
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return core::comes_before(a.second, b.second);
  }
};
inline constexpr by_value_t by_value{};
template <>
inline constexpr bool core::orders_rows<by_value_t> = true;

} // namespace salamander
