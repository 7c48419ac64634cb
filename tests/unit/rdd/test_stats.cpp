#include <salamander/rdd/stats.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <span>
#include <vector>

namespace {

using salamander::stat_counter;

stat_counter counted(std::span<const double> values) {
  stat_counter all;
  for (const auto value : values)
    all.add(value);
  return all;
}

void check_against_two_passes(const stat_counter& got, const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const auto value : values)
    squares += (value - mean) * (value - mean);
  const auto near = [](double want) { return doctest::Approx(want).epsilon(1e-9); };
  CHECK(got.count() == values.size());
  CHECK(got.mean() == near(mean));
  CHECK(got.sum() == near(mean * n));
  CHECK(got.variance() == near(squares / n));
  CHECK(got.stdev() == near(std::sqrt(squares / n)));
  CHECK(got.sample_variance() == near(squares / (n - 1)));
  CHECK(got.sample_stdev() == near(std::sqrt(squares / (n - 1))));
  CHECK(got.min() == *std::min_element(values.begin(), values.end()));
  CHECK(got.max() == *std::max_element(values.begin(), values.end()));
}

std::vector<double> sample(std::uint64_t seed, std::size_t count, double centre) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(centre, 3);
  std::vector<double> values(count);
  for (auto& value : values)
    value = normal(random);
  return values;
}

} // namespace

TEST_CASE("statistics agree with formulas that take two passes") {
  check_against_two_passes(counted(std::vector<double>{1, 2, 3, 4}), {1, 2, 3, 4});
  const auto values = sample(1, 10000, 100);
  check_against_two_passes(counted(values), values);
}

TEST_CASE("numbers far from zero keep their spread") {
  const auto values = sample(2, 10000, 1e9);
  CHECK(counted(values).variance() == doctest::Approx(9).epsilon(0.1));
}

TEST_CASE("merged statistics do not depend on where the numbers were cut") {
  const auto values = sample(3, 5000, -7);
  for (const auto cut : {std::size_t{0}, std::size_t{1}, std::size_t{10}, std::size_t{2500}, std::size_t{4990}, std::size_t{5000}}) {
    auto merged = counted(std::span(values).first(cut));
    merged.merge(counted(std::span(values).subspan(cut)));
    check_against_two_passes(merged, values);
  }
}

TEST_CASE("statistics merged with themselves count everything twice") {
  auto values = sample(4, 100, 5);
  auto all = counted(values);
  all.merge(all);
  const auto once = values;
  values.insert(values.end(), once.begin(), once.end());
  check_against_two_passes(all, values);
}

TEST_CASE("statistics of nothing and of one number") {
  const stat_counter none;
  CHECK(none.count() == 0);
  CHECK(none.mean() == 0);
  CHECK(none.sum() == 0);
  CHECK(std::isnan(none.variance()));
  CHECK(none.min() == std::numeric_limits<double>::infinity());
  CHECK(none.max() == -std::numeric_limits<double>::infinity());
  const auto one = counted(std::vector<double>{5});
  CHECK(one.variance() == 0);
  CHECK(std::isnan(one.sample_variance()));
  CHECK(one.min() == 5);
}

TEST_CASE("one NaN makes all statistics but the count NaN, wherever it stands") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& values : {std::vector<double>{nan, 1, 2}, {1, nan, 2}, {1, 2, nan}}) {
    auto all = counted(std::vector<double>{5});
    all.merge(counted(values));
    all.merge(counted(std::vector<double>{7}));
    CHECK(all.count() == 5);
    CHECK(std::isnan(all.min()));
    CHECK(std::isnan(all.max()));
    CHECK(std::isnan(all.mean()));
    CHECK(std::isnan(all.variance()));
  }
}
