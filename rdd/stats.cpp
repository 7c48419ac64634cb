#include <salamander/rdd/stats.hpp>

#include <cmath>

namespace salamander {
namespace {

/// As fmin and fmax, but NaN when one of them is: an extreme of numbers that cannot be compared is not known.
double least(double a, double b) noexcept {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : std::fmin(a, b);
}

double greatest(double a, double b) noexcept {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : std::fmax(a, b);
}

} // namespace

void stat_counter::add(double value) noexcept {
  ++count_;
  const double delta = value - mean_;
  mean_ += delta / static_cast<double>(count_);
  m2_ += delta * (value - mean_);
  min_ = least(min_, value);
  max_ = greatest(max_, value);
}

void stat_counter::merge(const stat_counter& other) noexcept {
  if (other.count_ == 0)
    return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const auto mine = static_cast<double>(count_);
  const auto theirs = static_cast<double>(other.count_);
  const double delta = other.mean_ - mean_;
  if (theirs * 10 < mine)
    mean_ += delta * theirs / (mine + theirs);
  else if (mine * 10 < theirs)
    mean_ = other.mean_ - delta * mine / (mine + theirs);
  else
    mean_ = (mean_ * mine + other.mean_ * theirs) / (mine + theirs);
  m2_ += other.m2_ + delta * delta * mine * theirs / (mine + theirs);
  count_ += other.count_;
  min_ = least(min_, other.min_);
  max_ = greatest(max_, other.max_);
}

double stat_counter::sum() const noexcept {
  return mean_ * static_cast<double>(count_);
}

double stat_counter::variance() const noexcept {
  return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : m2_ / static_cast<double>(count_);
}

double stat_counter::stdev() const noexcept {
  return std::sqrt(variance());
}

double stat_counter::sample_variance() const noexcept {
  return count_ <= 1 ? std::numeric_limits<double>::quiet_NaN() : m2_ / static_cast<double>(count_ - 1);
}

double stat_counter::sample_stdev() const noexcept {
  return std::sqrt(sample_variance());
}

} // namespace salamander
