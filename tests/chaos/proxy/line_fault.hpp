// What a proxied connection can suffer.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace chaos {

enum class line_mode : std::uint8_t {
  pass,     ///< bytes go through as they come
  hold,     ///< nothing goes through, not even the end of the connection; what came meanwhile follows when the fault is lifted
  delay,    ///< each piece arrives `pause` later
  trickle,  ///< `bytes` at a time with a `pause` after each
  flip,     ///< one bit in about every `bytes` bytes is inverted
  truncate, ///< after `bytes` more the connection ends, in the middle of whatever was said
};

/// Seen from the side that connected.
enum class direction : std::uint8_t { both, forth, back };

struct line_fault {
  line_mode mode = line_mode::pass;
  direction where = direction::both;
  std::chrono::milliseconds pause{0};
  std::uint64_t bytes = 1;
  std::uint64_t seed = 0; ///< of the positions of flipped bits
};

constexpr std::string_view to_string(line_mode mode) noexcept {
  constexpr std::string_view names[] = {"pass", "hold", "delay", "trickle", "flip", "truncate"};
  return names[static_cast<std::size_t>(mode)];
}

constexpr std::string_view to_string(direction where) noexcept {
  constexpr std::string_view names[] = {"both ways", "towards the listener", "towards the caller"};
  return names[static_cast<std::size_t>(where)];
}

} // namespace chaos
