// Keys as numbers that order as the keys do, so that most of a sort never touches a key.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

namespace salamander::core {

/// A row and the number that stands for its key.
struct sort_entry {
  std::uint64_t prefix;
  const void* row;
};

/// Orders entries by prefix; equal ones keep their order. Takes as much memory again while it runs.
void sort_by_prefix(std::vector<sort_entry>& entries);

/// Eight leading characters as a number that orders like them.
inline std::uint64_t text_prefix(std::string_view text) noexcept {
  std::uint64_t value = 0;
  if (text.size() >= 8) {
    std::memcpy(&value, text.data(), 8);
  } else {
    char bytes[8] = {};
    for (std::size_t i = 0; i < text.size(); ++i)
      bytes[i] = text[i];
    std::memcpy(&value, bytes, 8);
  }
  static_assert(std::endian::native == std::endian::little);
  return __builtin_bswap64(value);
}

/// How keys of type Key become prefixes under the ordering Less: only for the standard's orderings of texts and integers of up to 64 bits,
/// not of enums, which may have an operator< of their own.
template <class Key, class Less>
struct sort_prefix {
  static constexpr bool standard = std::is_same_v<Less, std::less<>> || std::is_same_v<Less, std::greater<>>;
  static constexpr bool number = std::is_integral_v<Key> && sizeof(Key) <= sizeof(std::uint64_t);
  static constexpr bool useful = standard && (number || std::is_same_v<Key, std::string_view>);
  static constexpr bool exact = number; ///< equal prefixes mean equal keys

  static std::uint64_t of(const Key& key, bool ascending) noexcept {
    if constexpr (!useful) {
      return 0;
    } else {
      std::uint64_t value = 0;
      if constexpr (number) {
        value = static_cast<std::uint64_t>(key);
        if constexpr (std::is_signed_v<Key>)
          value ^= std::uint64_t{1} << 63;
      } else {
        value = text_prefix(key);
      }
      constexpr bool up = std::is_same_v<Less, std::less<>>;
      return up == ascending ? value : ~value;
    }
  }
};

} // namespace salamander::core
