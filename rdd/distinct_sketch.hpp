// How many different values there are, about, in little memory.
#pragma once

#include <salamander/rdd/hash.hpp>
#include <salamander/rdd/source_location.hpp>

#include <cstdint>
#include <vector>

namespace salamander::core {

/// A HyperLogLog sketch: sparse and nearly exact while there are few values, 2^precision bytes beyond. Travels as its fields.
/// Source: P. Flajolet et al., AofA 2007; the sparse form after S. Heule et al., EDBT 2013; the estimate is that of O. Ertl,
/// "New cardinality estimation algorithms for HyperLogLog sketches", 2017, which needs no tables of corrections and has no bias in
/// any range. Standard error: 1.04 / sqrt(2^precision).
struct distinct_sketch {
  static constexpr std::uint8_t precision_min = 4;
  static constexpr std::uint8_t precision_max = 26;

  std::uint8_t precision = 14;
  std::vector<std::uint32_t> sparse; ///< index << 6 | rank; the first `sorted` are ordered and have different indices
  std::uint32_t sorted = 0;
  std::vector<std::uint8_t> dense; ///< rank of each index; empty while sparse

  void add(std::uint64_t hash);
  /// Requires: the same precision.
  void merge(const distinct_sketch& other);
  double estimate() const;

private:
  void note(std::uint32_t index, std::uint8_t rank);
  void compact();
};

/// The precision for a relative standard deviation. Errors: errc::invalid_argument beyond what a sketch can do, naming its bounds.
std::uint8_t sketch_precision(double relative_sd, const char* operation, const source_location& where);

/// A hash whose bits are all as good as each other.
template <class T>
std::uint64_t sketch_hash(const T& value) noexcept {
  auto h = hash_value(value);
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
  return h ^ (h >> 31);
}

} // namespace salamander::core
