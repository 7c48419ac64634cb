// The word that handles of shared values are made of: a number that no check of captures can take for a pointer.
#pragma once

#include <cstdint>

namespace salamander::core {

/// 48 bits under a mark that addresses of user space never have.
class handle_word {
public:
  constexpr explicit handle_word(std::uint64_t number) noexcept : bits_(mark | number) {}
  constexpr std::uint64_t number() const noexcept {
    return bits_ & ~mark_bits;
  }

private:
  static constexpr std::uint64_t mark_bits = 0xffffULL << 48;
  static constexpr std::uint64_t mark = 0xb5caULL << 48;

  std::uint64_t bits_;
};

} // namespace salamander::core
