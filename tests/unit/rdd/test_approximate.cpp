#include <salamander/rdd/approximate.hpp>
#include <salamander/rdd/exact_sampling.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

using namespace salamander;
using namespace salamander::core;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

stat_counter counted(std::initializer_list<double> values) {
  stat_counter all;
  for (const auto one : values)
    all.add(one);
  return all;
}

} // namespace

TEST_CASE("a count is bounded by a Poisson variable for what is missing") {
  CHECK(estimate_count(7, {3, 3}, 0.95) == bounded_double{7, 1, 7, 7});
  CHECK(estimate_count(0, {0, 0}, 0.95) == bounded_double{0, 1, 0, 0});
  CHECK(estimate_count(0, {1, 3}, 0.95) == bounded_double{0, 0, 0, infinity});
  // One seen in half of the partitions: what is missing has mean 1, and 0 to 3 hold 95 % of it.
  CHECK(estimate_count(1, {1, 2}, 0.95) == bounded_double{2, 0.95, 1, 4});
  CHECK(estimate_count(1, {1, 2}, 1.0) == bounded_double{2, 1, 1, infinity});
  const auto many = estimate_count(1000, {1, 10}, 0.95);
  CHECK(many.mean == doctest::Approx(10'000));
  CHECK(many.low == doctest::Approx(10'000 - 1.96 * std::sqrt(9000)).epsilon(0.001));
  CHECK(many.high == doctest::Approx(10'000 + 1.96 * std::sqrt(9000)).epsilon(0.001));
}

TEST_CASE("means and sums are bounded by Student's distribution while there are few numbers") {
  CHECK(estimate_mean(counted({1, 3}), {2, 2}, 0.95) == bounded_double{2, 1, 2, 2});
  CHECK(estimate_sum(counted({1, 3}), {2, 2}, 0.95) == bounded_double{4, 1, 4, 4});
  CHECK(estimate_mean({}, {1, 2}, 0.95) == bounded_double{0, 0, -infinity, infinity});
  CHECK(estimate_sum(counted({5}), {1, 2}, 0.95) == bounded_double{10, 0.95, -infinity, infinity});
  // Three numbers: two degrees of freedom, whose quantile at 97.5 % is 4.3027; the deviation of the mean is 1 / sqrt(3).
  const auto mean = estimate_mean(counted({1, 2, 3}), {1, 2}, 0.95);
  CHECK(mean.mean == 2);
  CHECK(mean.high - mean.mean == doctest::Approx(4.3027 / std::sqrt(3)).epsilon(0.0001));
  CHECK(mean.mean - mean.low == doctest::Approx(mean.high - mean.mean));
  stat_counter many;
  for (int i = 0; i < 1000; ++i)
    many.add(i % 2);
  const auto about = estimate_mean(many, {1, 2}, 0.95);
  CHECK(about.high - about.mean == doctest::Approx(1.95996 * many.sample_stdev() / std::sqrt(1000.0)).epsilon(0.0001));
  CHECK(estimate_mean(counted({4, 4, 4}), {1, 2}, 1.0) == bounded_double{4, 1, 4, 4});
  const auto sum = estimate_sum(many, {1, 4}, 0.95);
  CHECK(sum.mean == doctest::Approx(2000));
  CHECK(sum.low < 2000);
  CHECK(sum.high > 2000);
}

TEST_CASE("a sample falls on parts by their sizes, and all of it does") {
  const std::vector<std::uint64_t> sizes{1000, 0, 3000, 6000};
  for (const bool with_replacement : {false, true}) {
    CAPTURE(with_replacement);
    std::vector<double> sums(sizes.size());
    constexpr int rounds = 2000;
    for (std::uint64_t seed = 0; seed < rounds; ++seed) {
      const auto shares = split_sample(sizes, 500, with_replacement, seed);
      REQUIRE(std::accumulate(shares.begin(), shares.end(), std::uint64_t{0}) == 500);
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        REQUIRE((with_replacement || shares[i] <= sizes[i]));
        sums[i] += static_cast<double>(shares[i]);
      }
    }
    CHECK(sums[0] / rounds == doctest::Approx(50).epsilon(0.02));
    CHECK(sums[1] == 0);
    CHECK(sums[2] / rounds == doctest::Approx(150).epsilon(0.02));
    CHECK(sums[3] / rounds == doctest::Approx(300).epsilon(0.02));
  }
  CHECK(split_sample(sizes, 10'000, false, 1) == sizes);
  CHECK(split_sample(sizes, 0, true, 1) == std::vector<std::uint64_t>(4));
  CHECK(split_sample({}, 0, false, 1).empty());
  const auto nearly_all = split_sample({5, 5}, 9, false, 3);
  CHECK(nearly_all[0] + nearly_all[1] == 9);
}

TEST_CASE("a quota is met whatever records come, and never exceeded") {
  for (const bool with_replacement : {false, true})
    for (const std::uint64_t wanted : {0U, 1U, 37U, 100U}) {
      quota_sampler sampler({100, wanted}, with_replacement, 5);
      std::uint64_t taken = 0;
      for (int i = 0; i < 120; ++i)
        taken += sampler.take(i);
      CHECK(taken == wanted);
    }
}
