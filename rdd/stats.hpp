// Count, mean and spread of numbers in one pass.
#pragma once

#include <cstdint>
#include <limits>

namespace salamander {

/// Summary of a set of numbers, mergeable. Of no numbers: count 0, mean 0, variance NaN, min +inf, max -inf. One NaN makes all but the
/// count NaN.
/// Source: Welford; merging as Chan, Golub and LeVeque.
class stat_counter {
public:
  void add(double value) noexcept;
  void merge(const stat_counter& other) noexcept;

  std::uint64_t count() const noexcept {
    return count_;
  }
  double mean() const noexcept {
    return mean_;
  }
  double sum() const noexcept;
  double min() const noexcept {
    return min_;
  }
  double max() const noexcept {
    return max_;
  }
  /// Of the population: divided by count. NaN for none.
  double variance() const noexcept;
  double stdev() const noexcept;
  /// Divided by count - 1. NaN for fewer than two.
  double sample_variance() const noexcept;
  double sample_stdev() const noexcept;

private:
  std::uint64_t count_ = 0;
  double mean_ = 0;
  double m2_ = 0;
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
};

} // namespace salamander
