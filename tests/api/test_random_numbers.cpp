#include "fixture.hpp"

namespace {

/// The numbers have this mean and standard deviation, as far as so many can tell.
void has_moments(const sal::rdd<double>& numbers, double mean, double deviation) {
  const auto stats = numbers.stats();
  const auto count = static_cast<double>(stats.count());
  CHECK(std::abs(stats.mean() - mean) < 6 * deviation / std::sqrt(count));
  CHECK(stats.stdev() == doctest::Approx(deviation).epsilon(0.05));
}

} // namespace

TEST_CASE_FIXTURE(api, "random datasets follow their law") {
  constexpr std::int64_t count = 100'000;
  const auto uniform = sc.random_uniform(count, 4, 1);
  has_moments(uniform, 0.5, std::sqrt(1.0 / 12));
  CHECK(uniform.min() >= 0);
  CHECK(uniform.max() < 1);
  has_moments(sc.random_normal(count, 4, 1), 0, 1);
  has_moments(sc.random_exponential(3, count, 4, 1), 3, 3);
  has_moments(sc.random_gamma(4, 0.5, count, 4, 1), 2, 1);
  has_moments(sc.random_log_normal(1, 0.5, count, 4, 1).map([](double x) { return std::log(x); }), 1, 0.5);
  const auto poisson = sc.random_poisson(4, count, 4, 1);
  has_moments(poisson, 4, 2);
  CHECK(poisson.filter([](double x) { return x != std::floor(x); }).count() == 0);
}

TEST_CASE_FIXTURE(api, "random datasets are the same for the same seed, each partition with a stream of its own") {
  const auto numbers = sc.random_normal(1003, 5, 42);
  const auto once = numbers.glom().collect();
  CHECK(once.size() == 5);
  CHECK(numbers.glom().collect() == once);
  CHECK(sc.random_normal(1003, 5, 42).glom().collect() == once);
  CHECK(sc.random_normal(1003, 5, 43).glom().collect() != once);
  CHECK(numbers.distinct().count() == 1003);
  std::size_t all = 0;
  for (const auto& part : once)
    all += part.size();
  CHECK(all == 1003);
  const auto unseeded = sc.random_uniform(100);
  CHECK(unseeded.collect() == unseeded.collect());
  CHECK(unseeded.collect() != sc.random_uniform(100).collect());
  CHECK(unseeded.num_partitions() == sc.default_parallelism());
  // What is computed again, for another dataset or after a loss, is the same.
  CHECK(numbers.zip(numbers.map([](double x) { return x; })).filter([](const auto& both) { return both.first != both.second; }).count() ==
        0);
  CHECK(sc.random_poisson(2, 0, 3, 1).collect().empty());
  CHECK(sc.random_uniform(2, 10, 1).count() == 2);
}

TEST_CASE_FIXTURE(api, "random datasets refuse laws that do not exist") {
  const auto refused = [](auto&& f, const std::string& with) {
    std::string text;
    CHECK(code_of(f, &text) == sal::errc::invalid_argument);
    CHECK_MESSAGE(text.find(with) != std::string::npos, text);
  };
  refused([&] { sc.random_poisson(0, 10); }, "random_poisson at ");
  refused([&] { sc.random_exponential(-1, 10); }, "the mean must be positive");
  refused([&] { sc.random_gamma(1, 0, 10); }, "shape and scale must be positive");
  refused([&] { sc.random_log_normal(0, -1, 10); }, "the standard deviation must be positive");
  refused([&] { sc.random_log_normal(std::nan(""), 1, 10); }, "parameters must be finite");
  refused([&] { sc.random_uniform(-1); }, "must not be negative, but got -1");
  refused([&] { sc.random_uniform(10, 0); }, "positive number of partitions required, but got 0");
}
