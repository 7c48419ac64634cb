// Random numbers that are the same on every machine, unlike those of the standard distributions.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

namespace chaos {

/// SplitMix64. Two sources with the same seed give the same numbers.
class random_source {
public:
  explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// 0 .. bound - 1. Requires: bound > 0.
  std::uint64_t below(std::uint64_t bound) noexcept {
    return next() % bound;
  }
  /// Both ends included.
  std::int64_t between(std::int64_t least, std::int64_t most) noexcept {
    return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least) + 1));
  }
  /// 0 <= x < 1
  double unit() noexcept {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
  }
  bool chance(double probability) noexcept {
    return unit() < probability;
  }
  /// Time to the next of events that come independently of each other, `mean` apart.
  double exponential(double mean) noexcept {
    return -mean * std::log(1.0 - unit());
  }

private:
  std::uint64_t state_;
};

/// A seed for a part of what another seed decides: parts do not influence each other.
inline std::uint64_t derive(std::uint64_t seed, std::string_view purpose, std::uint64_t number = 0) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ seed;
  const auto add = [&hash](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (const char c : purpose)
    add(static_cast<unsigned char>(c));
  for (int shift = 0; shift < 64; shift += 8)
    add((number >> shift) & 0xff);
  return random_source(hash ^ (seed << 1)).next();
}

} // namespace chaos
