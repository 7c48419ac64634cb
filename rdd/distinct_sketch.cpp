#include <salamander/rdd/distinct_sketch.hpp>

#include <salamander/rdd/call_site.hpp>
#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

namespace salamander::core {
namespace {

constexpr std::uint32_t rank_bits = 6;
constexpr std::uint32_t rank_mask = (1U << rank_bits) - 1;

double sigma(double x) {
  if (x == 1)
    return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  for (double before = -1; z != before;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1)
    return 0;
  double y = 1;
  double z = 1 - x;
  for (double before = -1; z != before;) {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

} // namespace

void distinct_sketch::add(std::uint64_t hash) {
  const auto index = static_cast<std::uint32_t>(hash >> (64 - precision));
  // The bits behind the index, with a one behind the last, so that a rank is at most 65 - precision.
  const auto rest = (hash << precision) | (std::uint64_t{1} << (precision - 1));
  note(index, static_cast<std::uint8_t>(std::countl_zero(rest) + 1));
}

void distinct_sketch::note(std::uint32_t index, std::uint8_t rank) {
  if (!dense.empty()) {
    dense[index] = std::max(dense[index], rank);
    return;
  }
  sparse.push_back(index << rank_bits | rank);
  if (sparse.size() - sorted > std::max<std::size_t>(64, sorted / 2))
    compact();
}

void distinct_sketch::compact() {
  std::sort(sparse.begin(), sparse.end());
  // Of equal indices the last one has the highest rank.
  auto to = sparse.begin();
  for (auto at = sparse.begin(); at != sparse.end(); ++at)
    if (at + 1 == sparse.end() || *at >> rank_bits != *(at + 1) >> rank_bits)
      *to++ = *at;
  sparse.erase(to, sparse.end());
  sorted = static_cast<std::uint32_t>(sparse.size());
  const std::size_t registers = std::size_t{1} << precision;
  if (sparse.size() * sizeof(std::uint32_t) < registers)
    return;
  dense.assign(registers, 0);
  for (const auto one : sparse)
    dense[one >> rank_bits] = static_cast<std::uint8_t>(one & rank_mask);
  sparse = {};
  sorted = 0;
}

void distinct_sketch::merge(const distinct_sketch& other) {
  for (const auto one : other.sparse)
    note(one >> rank_bits, static_cast<std::uint8_t>(one & rank_mask));
  if (other.dense.empty())
    return;
  if (dense.empty()) {
    const auto own = std::exchange(sparse, {});
    sorted = 0;
    dense = other.dense;
    for (const auto one : own)
      note(one >> rank_bits, static_cast<std::uint8_t>(one & rank_mask));
    return;
  }
  std::transform(dense.begin(), dense.end(), other.dense.begin(), dense.begin(), [](auto a, auto b) { return std::max(a, b); });
}

double distinct_sketch::estimate() const {
  const auto m = static_cast<double>(std::uint64_t{1} << precision);
  const auto last = static_cast<std::size_t>(65 - precision);
  std::array<std::uint64_t, 66> counts{};
  if (!dense.empty()) {
    for (const auto rank : dense)
      ++counts[rank];
  } else {
    auto tidy = *this;
    tidy.compact();
    if (!tidy.dense.empty())
      return tidy.estimate();
    for (const auto one : tidy.sparse)
      ++counts[one & rank_mask];
    counts[0] = (std::uint64_t{1} << precision) - tidy.sparse.size();
  }
  double z = m * tau(1 - static_cast<double>(counts[last]) / m);
  for (auto k = last - 1; k >= 1; --k)
    z = 0.5 * (z + static_cast<double>(counts[k]));
  z += m * sigma(static_cast<double>(counts[0]) / m);
  return m * m / (2 * std::log(2.0)) / z;
}

std::uint8_t sketch_precision(double relative_sd, const char* operation, const source_location& where) {
  const auto wanted = relative_sd > 0 ? std::ceil(2 * std::log2(1.04 / relative_sd)) : 1e9;
  if (!(wanted <= distinct_sketch::precision_max))
    throw_error(errc::invalid_argument, operation + (" at " + call_site::from(where).text()) +
                                            ": the relative standard deviation must be at least 0.00013, but is " +
                                            std::to_string(relative_sd));
  return static_cast<std::uint8_t>(std::max<double>(wanted, distinct_sketch::precision_min));
}

} // namespace salamander::core
