// Hashes of keys: the same in every process of an application.
#pragma once

#include <salamander/rdd/aggregate.hpp>
#include <salamander/rdd/record_types.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstring>
#include <functional>

namespace salamander::core {

__extension__ using wide_product = unsigned __int128;

constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<wide_product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// For texts longer than 16 characters; kept out of line.
std::uint64_t hash_long_text(const char* data, std::size_t size) noexcept;

inline std::uint64_t hash_text(std::string_view text) noexcept {
  constexpr std::uint64_t k0 = 0xa0761d6478bd642fULL;
  constexpr std::uint64_t k1 = 0xe7037ed1a0b428dbULL;
  const auto size = text.size();
  const char* const data = text.data();
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (size > 16)
    return hash_long_text(data, size);
  if (size >= 8) {
    std::memcpy(&a, data, 8);
    std::memcpy(&b, data + size - 8, 8);
  } else if (size >= 4) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + size - 4, 4);
    a = low;
    b = high;
  } else if (size > 0) {
    a = (static_cast<std::uint64_t>(static_cast<unsigned char>(data[0])) << 16) |
        (static_cast<std::uint64_t>(static_cast<unsigned char>(data[size / 2])) << 8) | static_cast<unsigned char>(data[size - 1]);
  }
  return mix(mix(a ^ k0, b ^ k1 ^ size), k0);
}

template <class T>
inline constexpr bool has_std_hash = requires(const T& value) {
  { std::hash<T>{}(value) } -> std::convertible_to<std::size_t>;
};

/// A well-mixed hash for tables. Integers and floats by value (0.0 and -0.0 alike, all NaNs alike), text by characters, pairs, tuples, optionals,
/// sequences and aggregates by their parts, durations and points in time by their count, other types by std::hash.
template <class T>
std::uint64_t hash_value(const T& value) noexcept {
  constexpr std::uint64_t k = 0x9e3779b97f4a7c15ULL;
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return mix(static_cast<std::uint64_t>(value) ^ 0xa0761d6478bd642fULL, k);
  } else if constexpr (std::is_floating_point_v<T>) {
    return mix(value == 0 ? 1 : value != value ? 2 : std::bit_cast<std::uint64_t>(static_cast<double>(value)), k);
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    return hash_text(value);
  } else if constexpr (requires { value.first; value.second; }) {
    return mix(hash_value(value.first) ^ k, hash_value(value.second) | 1);
  } else if constexpr (requires { std::tuple_size<T>::value; } && !requires { value.data(); }) {
    std::uint64_t h = 7;
    std::apply([&](const auto&... fields) { ((h = mix(h ^ k, hash_value(fields) | 1)), ...); }, value);
    return h;
  } else if constexpr (requires { value.has_value(); *value; }) {
    return value ? hash_value(*value) : 0;
  } else if constexpr (has_std_hash<T>) {
    return mix(std::hash<T>{}(value), k);
  } else if constexpr (requires { value.time_since_epoch(); }) {
    return hash_value(value.time_since_epoch());
  } else if constexpr (requires { typename T::rep; typename T::period; value.count(); }) {
    return hash_value(value.count());
  } else if constexpr (requires { typename T::hasher; value.begin() != value.end(); }) {
    std::uint64_t h = 17; // equal ones may have their elements in another order
    for (const auto& element : value)
      h += hash_value(element);
    return mix(h ^ k, value.size() | 1);
  } else if constexpr (requires { value.begin() != value.end(); }) {
    std::uint64_t h = 11;
    for (const auto& element : value)
      h = mix(h ^ k, hash_value(element) | 1);
    return h;
  } else if constexpr (std::is_empty_v<T>) {
    return k;
  } else if constexpr (is_reflectable<T>) {
    std::uint64_t h = 13;
    for_each_field(value, [&](const auto& field) { h = mix(h ^ k, hash_value(field) | 1); });
    return h;
  } else {
    static_assert(!sizeof(T), "salamander: this type cannot be a key: give it a std::hash specialisation, or make it an aggregate");
    return 0;
  }
}

/// The partition of a key under hash partitioning: integers by value, so that key k of n partitions is in partition k mod n (never
/// negative); other types by hash_value.
template <class T>
std::uint32_t hash_partition(const T& key, std::uint32_t partitions) noexcept {
  if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) % partitions);
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    const auto rest = static_cast<std::int64_t>(key) % static_cast<std::int64_t>(partitions);
    return static_cast<std::uint32_t>(rest < 0 ? rest + partitions : rest);
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<std::uint32_t>(key % partitions);
  } else {
    return static_cast<std::uint32_t>(hash_value(key) % partitions);
  }
}

/// Equality without a call for short texts.
inline bool same_text(std::string_view a, std::string_view b) noexcept {
  const auto size = a.size();
  if (size != b.size())
    return false;
  const auto differ = [&]<class Word>(Word, std::size_t at) {
    Word x;
    Word y;
    std::memcpy(&x, a.data() + at, sizeof(Word));
    std::memcpy(&y, b.data() + at, sizeof(Word));
    return x != y;
  };
  if (size > 16)
    return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= 8)
    return !differ(std::uint64_t{}, 0) && !differ(std::uint64_t{}, size - 8);
  if (size >= 4)
    return !differ(std::uint32_t{}, 0) && !differ(std::uint32_t{}, size - 4);
  if (size >= 2)
    return !differ(std::uint16_t{}, 0) && !differ(std::uint16_t{}, size - 2);
  return size == 0 || a.front() == b.front();
}

/// Whether a key as it is in a record equals a key as it lies in a row: strings and views of the same characters are the same, and NaN is
/// NaN, also as a part.
template <class A, class B>
bool same_key(const A& a, const B& b) {
  if constexpr (std::is_convertible_v<const A&, std::string_view> && std::is_convertible_v<const B&, std::string_view>) {
    return same_text(a, b);
  } else if constexpr (std::is_floating_point_v<A> && std::is_same_v<A, B>) {
    return a == b || (a != a && b != b);
  } else if constexpr (std::is_same_v<A, B> && may_be_nan<A> && requires { a.begin(); }) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return same_key(x, y); });
  } else if constexpr (!may_be_nan<A> && requires { { a == b } -> std::convertible_to<bool>; }) {
    return a == b;
  } else if constexpr (requires { a.first; b.second; }) {
    return same_key(a.first, b.first) && same_key(a.second, b.second);
  } else if constexpr (requires { std::tuple_size<A>::value; }) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (same_key(std::get<I>(a), std::get<I>(b)) && ...);
    }(std::make_index_sequence<std::tuple_size_v<A>>{});
  } else if constexpr (requires { a.has_value(); *b; }) {
    return a.has_value() == b.has_value() && (!a.has_value() || same_key(*a, *b));
  } else {
    static_assert(!sizeof(A), "salamander: this type cannot be a key: it has no operator== (add `bool operator==(const T&) const = default;`)");
    return false;
  }
}

} // namespace salamander::core
