#include <salamander/rdd/sort_prefix.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace salamander::core {
namespace {

constexpr unsigned digit_bits = 11;
constexpr std::size_t digit_values = std::size_t{1} << digit_bits;
constexpr unsigned digits = (64 + digit_bits - 1) / digit_bits;

constexpr std::size_t digit_of(std::uint64_t value, unsigned digit) noexcept {
  return (value >> (digit * digit_bits)) & (digit_values - 1);
}

} // namespace

// Least significant digit first: each pass is stable, so the whole is. All histograms come from one pass; a digit that all entries
// share costs nothing more.
void sort_by_prefix(std::vector<sort_entry>& entries) {
  constexpr std::size_t few = 2048;
  if (entries.size() < few) {
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.prefix < b.prefix; });
    return;
  }
  std::vector<std::array<std::size_t, digit_values>> counts(digits);
  for (const auto& entry : entries)
    for (unsigned d = 0; d < digits; ++d)
      ++counts[d][digit_of(entry.prefix, d)];
  std::vector<sort_entry> other(entries.size());
  for (unsigned d = 0; d < digits; ++d) {
    auto& count = counts[d];
    if (count[digit_of(entries.front().prefix, d)] == entries.size())
      continue;
    std::size_t next = 0;
    for (auto& one : count)
      next += std::exchange(one, next);
    for (const auto& entry : entries)
      other[count[digit_of(entry.prefix, d)]++] = entry;
    entries.swap(other);
  }
}

} // namespace salamander::core
