// Random numbers whose sequence is this project's own: the same on every machine and with every standard library.
#pragma once

#include <array>
#include <cstdint>

namespace salamander::sim {

constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// A stream of numbers. Streams of the same seed with different names have nothing to do with each other, so that a decision left
/// out in one (by the minimiser) changes nothing in the others. Source: splitmix64.
class random_stream {
public:
  explicit random_stream(std::uint64_t seed, std::uint64_t name = 0) noexcept : state_(mix(seed + 0x9e3779b97f4a7c15ULL) ^ mix(~name)) {}

  std::uint64_t next() noexcept {
    return mix(state_ += 0x9e3779b97f4a7c15ULL);
  }
  /// In [0, n). Requires: n > 0.
  std::uint32_t below(std::uint64_t n) noexcept {
    return static_cast<std::uint32_t>(next() % n);
  }
  /// In [from, to].
  std::uint64_t between(std::uint64_t from, std::uint64_t to) noexcept {
    return from + next() % (to - from + 1);
  }
  bool chance(std::uint32_t percent) noexcept {
    return below(100) < percent;
  }
  /// Once in so many.
  bool once_in(std::uint32_t n) noexcept {
    return below(n) == 0;
  }
  template <class T, std::size_t N>
  const T& one_of(const std::array<T, N>& choices) noexcept {
    return choices[below(N)];
  }

private:
  std::uint64_t state_;
};

} // namespace salamander::sim
