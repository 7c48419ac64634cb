// A number for the contents of a block: the same rows give the same number in every attempt, other rows almost surely another.
//
// Rows are read by columns, a tile at a time: the bytes of numbers, the characters of texts. What has no meaning does not count:
// gaps between members, addresses, what is in an empty optional, the order of an unordered container.
#pragma once

#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/hash.hpp>

#include <array>
#include <variant>

namespace salamander::core {

/// Whether this processor has the instruction that makes fingerprints as cheap as reading; without it all are unknown.
bool fingerprints_possible() noexcept;

/// Carries `state` on over bytes, over `count` pieces of `size` bytes that lie `stride` apart, and over texts that do, of which the
/// first belongs to row `row`. Pieces and texts may come in any portions; so may bytes, if all but the last are multiples of 16.
/// Requires: fingerprints_possible().
std::uint64_t fingerprint_bytes(std::uint64_t state, const void* bytes, std::size_t size) noexcept;
std::uint64_t fingerprint_pieces(std::uint64_t state, std::uint64_t row, const void* first, std::size_t stride, std::size_t size,
                                 std::size_t count) noexcept;
std::uint64_t fingerprint_texts(std::uint64_t state, std::uint64_t row, const std::string_view* first, std::size_t stride,
                                std::size_t count) noexcept;

namespace fingerprint_detail {

inline constexpr std::uint64_t k = 0x9e3779b97f4a7c15ULL;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = true;
template <class T>
concept pair_like = requires(const T& value) {
  typename T::first_type;
  value.first;
  value.second;
};

template <class T, std::size_t... I>
constexpr bool takes_two(std::index_sequence<I...>) {
  using aggregate_detail::anything;
  return requires {
    T{(static_cast<void>(I), anything{})..., {anything{}, anything{}}};
  };
}
template <class T, std::size_t... I>
constexpr bool none_takes_two(std::index_sequence<I...>) {
  return !(takes_two<T>(std::make_index_sequence<I>{}) || ...);
}
/// True for an aggregate whose members can be named one by one: none of them is an array or an aggregate that hides its braces.
template <class T>
consteval bool is_flat() {
  if constexpr (is_reflectable<T>)
    return none_takes_two<T>(std::make_index_sequence<fields_of<T>>{});
  else
    return false;
}

template <class T>
consteval bool is_dense();

/// Members of a default-made T, if all are dense and there is nothing between them.
template <class T>
consteval bool is_dense_by_fields() {
  if constexpr (is_flat<T>() && requires { typename std::bool_constant<(static_cast<void>(T{}), true)>; }) {
    const T value{};
    std::size_t sum = 0;
    bool dense = true;
    for_each_field(value, [&]<class F>(const F&) {
      sum += sizeof(F);
      dense = dense && is_dense<F>();
    });
    return dense && sum == sizeof(T);
  } else {
    return false;
  }
}

/// True when equal values of T have equal bytes, all of which mean something.
template <class T>
consteval bool is_dense() {
  if constexpr (std::is_empty_v<T> || !is_plain<T> || is_optional<T>)
    return false;
  else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>)
    return !std::is_floating_point_v<T> || sizeof(T) <= 8;
  else if constexpr (pair_like<T>)
    return is_dense<typename T::first_type>() && is_dense<typename T::second_type>() &&
           sizeof(T) == sizeof(typename T::first_type) + sizeof(typename T::second_type);
  else if constexpr (is_tuple<T>)
    return []<class... Ts>(std::type_identity<std::tuple<Ts...>>) {
      return (is_dense<Ts>() && ...) && sizeof(std::tuple<Ts...>) == (std::size_t{0} + ... + sizeof(Ts));
    }(std::type_identity<T>{});
  else if constexpr (codec_detail::is_std_array<T>)
    return is_dense<typename T::value_type>();
  else
    return std::is_class_v<T> && !has_borrowing_member<T> && (std::has_unique_object_representations_v<T> || is_dense_by_fields<T>());
}

/// One value that is neither dense nor a text of a row: what it consists of, step by step. `known` becomes false for a type that
/// keeps its contents to itself.
template <class T>
std::uint64_t of_value(const T& value, bool& known);

template <class T>
std::uint64_t of_elements(const T& values, bool& known) {
  using element = typename T::value_type;
  std::uint64_t state = mix(values.size() ^ k, k);
  if constexpr (requires { typename T::hasher; }) {
    for (const auto& one : values)
      state += of_value(one, known);
  } else if constexpr (is_dense<element>() && requires { values.data(); }) {
    state = fingerprint_bytes(state, values.data(), values.size() * sizeof(element));
  } else if constexpr (codec_detail::is_group<T> && is_dense<element>()) {
    if (!values.empty())
      state = fingerprint_bytes(state, &*values.begin(), values.size() * sizeof(element));
  } else {
    for (const auto& one : values)
      state = mix(state ^ of_value(static_cast<const element&>(one), known), k);
  }
  return state;
}

template <class T>
std::uint64_t of_value(const T& value, bool& known) {
  if constexpr (std::is_empty_v<T>) {
    return k;
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    const std::string_view text = value;
    return fingerprint_texts(k, 0, &text, sizeof text, 1);
  } else if constexpr (is_dense<T>()) {
    return fingerprint_bytes(k, &value, sizeof(T));
  } else if constexpr (has_msgpack_define<T>) {
    known = false;
    return k;
  } else if constexpr (codec_detail::is_group<T>) {
    return of_elements(value, known);
  } else if constexpr (pair_like<T>) {
    return mix(of_value(value.first, known) ^ k, of_value(value.second, known) | 1);
  } else if constexpr (is_tuple<T>) {
    std::uint64_t state = k;
    std::apply([&](const auto&... fields) { ((state = mix(state ^ of_value(fields, known), k)), ...); }, value);
    return state;
  } else if constexpr (is_optional<T>) {
    return value ? mix(of_value(*value, known) ^ k, k) : 1;
  } else if constexpr (codec_detail::is_variant<T>) {
    return std::visit([&](const auto& one) { return mix(of_value(one, known) ^ k, k + value.index()); }, value);
  } else if constexpr (container_record<T> || codec_detail::is_std_array<T>) {
    return of_elements(value, known);
  } else if constexpr (is_reflectable<T> && (!is_plain<T> || is_flat<T>())) {
    std::uint64_t state = k;
    for_each_field(value, [&](const auto& field) { state = mix(state ^ of_value(field, known), k); });
    return state;
  } else {
    known = false;
    return k;
  }
}

/// One state for each column; the last one serves all that come after it.
struct columns {
  std::array<std::uint64_t, 24> states{};
  std::uint64_t rows = 0; ///< before those that are added
  std::size_t at = 0;
  bool known = true;

  std::uint64_t& next() noexcept {
    return states[at + 1 < states.size() ? at++ : at];
  }
};

/// `count` > 0 rows from `first` on, `stride` bytes apart.
template <class T>
void add_column(columns& all, const T* first, std::size_t stride, std::size_t count) {
  if constexpr (std::is_empty_v<T>) {
    return;
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    auto& state = all.next();
    state = fingerprint_texts(state, all.rows, first, stride, count);
  } else if constexpr (is_dense<T>()) {
    auto& state = all.next();
    state = stride == sizeof(T) && sizeof(T) % 16 == 0 ? fingerprint_bytes(state, first, sizeof(T) * count)
                                                       : fingerprint_pieces(state, all.rows, first, stride, sizeof(T), count);
  } else if constexpr (pair_like<T>) {
    add_column(all, &first->first, stride, count);
    add_column(all, &first->second, stride, count);
  } else if constexpr (is_tuple<T>) {
    std::apply([&](const auto&... fields) { (add_column(all, &fields, stride, count), ...); }, *first);
  } else {
    auto& state = all.next();
    for (std::size_t i = 0; i < count && all.known; ++i)
      state = mix(state ^ of_value(*reinterpret_cast<const T*>(reinterpret_cast<const std::byte*>(first) + i * stride), all.known), k);
  }
}

/// Never 0.
std::uint64_t combine(const columns& all) noexcept;

} // namespace fingerprint_detail

/// Takes the fingerprint of rows as they come by. The portions in which they come do not matter, their order does.
template <class Row>
class fingerprint_builder {
public:
  fingerprint_builder() : all_{.known = fingerprints_possible()} {}

  void add(const Row* rows, std::size_t count) {
    constexpr std::size_t tile = 512; // few enough to be still near the processor when their next column is read
    for (std::size_t first = 0; first < count && all_.known; first += tile) {
      const auto now = std::min(tile, count - first);
      all_.at = 0;
      fingerprint_detail::add_column(all_, rows + first, sizeof(Row), now);
      all_.rows += now;
    }
  }
  /// 0 when it is unknown: for MSGPACK_DEFINE types and others that do not show their contents, and on processors that cannot make it
  /// cheaply.
  std::uint64_t value() const noexcept {
    return all_.known ? fingerprint_detail::combine(all_) : 0;
  }

private:
  fingerprint_detail::columns all_;
};

/// The fingerprint of rows in their order; 0 when it is unknown. Cost: about that of reading the rows once.
template <class Row>
std::uint64_t fingerprint_of(const Row* rows, std::size_t count) {
  fingerprint_builder<Row> all;
  all.add(rows, count);
  return all.value();
}

} // namespace salamander::core
