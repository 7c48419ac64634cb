#include "fixture.hpp"

namespace {

sal::rdd<std::int64_t> range(sal::context& sc, std::int64_t count, std::uint32_t partitions = 4) {
  return sc.range(0, count, 1, partitions);
}

} // namespace

TEST_CASE_FIXTURE(api, "a sample has about the size asked for and is the same for the same seed") {
  const auto data = range(sc, 100'000);
  for (const double fraction : {0.001, 0.1, 0.5, 0.9}) {
    CAPTURE(fraction);
    const auto some = data.sample(false, fraction, 7).collect();
    const auto expected = 100'000 * fraction;
    CHECK(std::abs(static_cast<double>(some.size()) - expected) < 6 * std::sqrt(expected * (1 - fraction)) + 1);
    CHECK(std::is_sorted(some.begin(), some.end()));
    CHECK(std::adjacent_find(some.begin(), some.end()) == some.end());
    CHECK(data.sample(false, fraction, 7).collect() == some);
    CHECK(data.sample(false, fraction, 8).collect() != some);
  }
  for (const double mean : {0.2, 1.0, 2.5}) {
    const auto many = data.sample(true, mean, 7).count();
    CHECK(std::abs(static_cast<double>(many) - 100'000 * mean) < 6 * std::sqrt(100'000 * mean));
  }
  CHECK(data.sample(false, 0).count() == 0);
  CHECK(data.sample(true, 0).count() == 0);
  CHECK(data.sample(false, 1).count() == 100'000);
  const auto unseeded = data.sample(false, 0.1);
  CHECK(unseeded.collect() == unseeded.collect());
  CHECK(sc.empty_rdd<int>().sample(false, 0.5).count() == 0);
  const auto words = data.map([](std::int64_t x) { return "a text of some length: " + std::to_string(x); });
  CHECK(words.sample(true, 3.0, 1).distinct().count() > 90'000);
  const auto keyed = data.key_by([](std::int64_t x) { return x; }).partition_by(3);
  CHECK(keyed.sample(false, 0.5).partitioner() == keyed.partitioner());
}

TEST_CASE_FIXTURE(api, "fractions that make no sense are refused with advice") {
  const auto data = range(sc, 10);
  std::string text;
  CHECK(code_of([&] { data.sample(false, -0.1); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Fraction must be nonnegative, but got -0.1") != std::string::npos);
  CHECK(code_of([&] { data.sample(false, 1.5); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Sampling fraction (1.5) must be on interval [0, 1]") != std::string::npos);
  CHECK(code_of([&] { data.sample(true, std::nan("")); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { data.random_split({0.5, -1}); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Weights must be nonnegative, but got -1") != std::string::npos);
  CHECK(code_of([&] { data.random_split({0, 0}); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Sum of weights must be positive, but got 0") != std::string::npos);
  CHECK(code_of([&] { data.take_sample(false, -1); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Negative number of elements requested") != std::string::npos);
}

TEST_CASE_FIXTURE(api, "random splits are disjoint and complete") {
  const auto data = range(sc, 20'000);
  const auto splits = data.random_split({2, 0, 3, 0}, 17);
  REQUIRE(splits.size() == 4);
  CHECK(splits[1].count() == 0);
  CHECK(splits[3].count() == 0);
  auto all = splits[0].collect();
  CHECK(std::abs(static_cast<double>(all.size()) - 8000) < 500);
  for (const auto one : splits[2].collect())
    all.push_back(one);
  CHECK(sorted(all) == data.collect());
}

TEST_CASE_FIXTURE(api, "take_sample gives exactly as many records as asked for, in random order") {
  const auto data = range(sc, 1000);
  const auto some = data.take_sample(false, 100, 3);
  CHECK(some.size() == 100);
  CHECK(std::set<std::int64_t>(some.begin(), some.end()).size() == 100);
  CHECK_FALSE(std::is_sorted(some.begin(), some.end()));
  CHECK(data.take_sample(false, 100, 3) == some);
  CHECK(data.take_sample(false, 2000, 3).size() == 1000);
  CHECK(data.take_sample(true, 2000, 3).size() == 2000);
  CHECK(data.take_sample(true, 1, 3).size() == 1);
  CHECK(data.take_sample(false, 0).empty());
  CHECK(sc.empty_rdd<int>().take_sample(true, 5).empty());
}

TEST_CASE_FIXTURE(api, "sample_by_key samples each key by its own fraction") {
  const auto data = range(sc, 40'000).map([](std::int64_t x) { return std::pair{std::string(x % 2 ? "odd" : "even"), x}; });
  const std::map<std::string, double> fractions{{"odd", 0.1}, {"even", 0.5}};
  const auto counts = data.sample_by_key(false, fractions, 5).count_by_key();
  CHECK(std::abs(static_cast<double>(counts.at("odd")) - 2000) < 300);
  CHECK(std::abs(static_cast<double>(counts.at("even")) - 10'000) < 500);
  CHECK(data.sample_by_key(false, fractions, 5).collect() == data.sample_by_key(false, fractions, 5).collect());
  CHECK(data.sample_by_key(true, std::map<std::string, double>{{"odd", 2}, {"even", 0}}, 5).count() > 35'000);
  std::string text;
  CHECK(code_of(
            [&] {
              data.sample_by_key(false, std::map<std::string, double>{{"odd", 0.5}}).count();
            },
            &text) == sal::errc::invalid_argument);
  CHECK(text.find("there is no fraction for the key even") != std::string::npos);
  CHECK(code_of([&] { data.sample_by_key(false, std::map<std::string, double>{{"odd", -1}}); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "tree_reduce and tree_aggregate merge in levels and give what reduce and aggregate give") {
  for (const int partitions : {1, 2, 5, 33, 100})
    for (const int depth : {1, 2, 3, 5}) {
      CAPTURE(partitions);
      CAPTURE(depth);
      const auto data = sc.range(0, 50, 1, static_cast<std::uint32_t>(partitions));
      CHECK(data.tree_reduce(std::plus<>{}, depth) == 1225);
      CHECK(data.tree_aggregate(std::int64_t{0}, std::plus<>{}, std::plus<>{}, depth) == 1225);
    }
  std::string text;
  CHECK(code_of([&] { range(sc, 5).tree_reduce(std::plus<>{}, 0); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Depth must be greater than or equal to 1 but got 0.") != std::string::npos);
  CHECK(code_of([&] { sc.empty_rdd<int>().tree_reduce(std::plus<>{}); }) == sal::errc::empty_collection);
  CHECK(sc.empty_rdd<int>().tree_aggregate(41, std::plus<>{}, std::plus<>{}) == 41);
  for (const int partitions : {8, 24, 31})
    for (const int depth : {2, 3, 5}) {
      const auto letters = range(sc, 62, partitions).map([](std::int64_t x) { return std::string(1, static_cast<char>('A' + x)); });
      CHECK(letters.tree_reduce(std::plus<>{}, depth) == letters.reduce(std::plus<>{})); // in order, levels or not
      CHECK(letters.tree_aggregate(std::string(), std::plus<>{}, std::plus<>{}, depth) == letters.reduce(std::plus<>{}));
    }
  CHECK(range(sc, 3, 40).tree_reduce([](std::int64_t a, std::int64_t b) { return std::max(a, b); }, 3) == 2);
}

TEST_CASE_FIXTURE(api, "to_local_iterator gives all records in order, a partition at a time") {
  for (const bool prefetch : {false, true}) {
    const auto data = range(sc, 100, 8).filter([](std::int64_t x) { return x < 30 || x >= 60; });
    std::vector<std::int64_t> seen;
    for (const auto one : data.to_local_iterator(prefetch))
      seen.push_back(one);
    CHECK(seen == data.collect());
    const auto local = data.to_local_iterator(prefetch);
    CHECK(*local.begin() == 0);
    CHECK(std::distance(local.begin(), local.end()) == 70);
  }
  const auto none = sc.empty_rdd<int>().to_local_iterator();
  CHECK(none.begin() == none.end());
  const auto failing = range(sc, 10, 2).map([](std::int64_t x) {
    if (x == 9)
      throw std::runtime_error("nine");
    return x;
  });
  std::size_t before = 0;
  CHECK(code_of([&] {
          for (const auto one : failing.to_local_iterator())
            before += one >= 0 ? 1 : 0;
        }) == sal::errc::task_failed);
  CHECK(before == 5);
}

TEST_CASE_FIXTURE(api, "numbers have a spread and a histogram") {
  const auto data = sc.parallelize(std::vector<int>{1, 2, 3}, 2);
  CHECK(data.variance() == doctest::Approx(2.0 / 3));
  CHECK(data.stdev() == doctest::Approx(std::sqrt(2.0 / 3)));
  CHECK(data.sample_variance() == doctest::Approx(1));
  CHECK(data.sample_stdev() == doctest::Approx(1));
  const auto more = range(sc, 51);
  CHECK(more.histogram(2) == std::pair{std::vector<double>{0, 25, 50}, std::vector<std::uint64_t>{25, 26}});
  CHECK(more.histogram({0, 5, 25, 50}) == std::vector<std::uint64_t>{5, 20, 26});
  CHECK(more.histogram({10.5, 20}) == std::vector<std::uint64_t>{10});
  CHECK(sc.parallelize(std::vector<double>{3, 3}, 2).histogram(4) == std::pair{std::vector<double>{3, 3}, std::vector<std::uint64_t>{2}});
  const auto odd = sc.parallelize(std::vector<double>{0.1, 0.7, std::nan(""), 3}, 2);
  CHECK(odd.histogram({0, 1}) == std::vector<std::uint64_t>{2});
  std::string text;
  CHECK(code_of([&] { odd.histogram(3); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Histogram on either an empty RDD or RDD containing +/-infinity or NaN") != std::string::npos);
  CHECK(code_of([&] { sc.parallelize(std::vector<int>{}, 2).histogram(3); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { more.histogram(0); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { more.histogram(std::vector<double>{1}); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("buckets array must have at least two elements") != std::string::npos);
  CHECK(code_of([&] { more.histogram({1, 1}); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { more.histogram({2, 1}); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "reduce_by_key_locally merges on the driver") {
  const auto data = sc.parallelize(std::vector<std::pair<std::string, int>>{{"a", 1}, {"b", 1}, {"a", 1}}, 3);
  const auto merged = data.reduce_by_key_locally(std::plus<>{});
  CHECK(std::map<std::string, int>(merged.begin(), merged.end()) == std::map<std::string, int>{{"a", 2}, {"b", 1}});
}

TEST_CASE_FIXTURE(api, "distinct records are counted about, within a few standard deviations, and exactly while there are few") {
  CHECK(sc.empty_rdd<int>().count_approx_distinct() == 0);
  CHECK(sc.parallelize(std::vector<int>{7, 7, 7}, 2).count_approx_distinct() == 1);
  for (const std::int64_t count : {10, 1000, 100'000, 1'000'000})
    for (const double sd : {0.1, 0.05, 0.01}) {
      CAPTURE(count);
      CAPTURE(sd);
      const auto found = static_cast<double>(range(sc, count).count_approx_distinct(sd));
      CHECK(std::abs(found - static_cast<double>(count)) <= 3 * sd * static_cast<double>(count));
    }
  const auto words = range(sc, 50'000).map([](std::int64_t x) { return "word " + std::to_string(x % 5000); });
  CHECK(std::abs(static_cast<double>(words.count_approx_distinct(0.01)) - 5000) < 150);
  const auto keyed = range(sc, 100'000).map([](std::int64_t x) { return std::pair{x % 4, x % (1000 * (x % 4 + 1))}; });
  for (const auto& [key, found] : keyed.count_approx_distinct_by_key(0.01).collect()) {
    const auto exact = static_cast<double>(keyed.filter([k = key](const auto& one) { return one.first == k; }).distinct().count());
    CHECK(std::abs(static_cast<double>(found) - exact) < 0.04 * exact + 1);
  }
  CHECK(code_of([&] { range(sc, 5).count_approx_distinct(0.00001); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { range(sc, 5).count_approx_distinct(0); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "an exact sample by key has ceil(fraction * count) pairs of each key, whatever the partitions") {
  const std::map<std::int64_t, double> fractions{{0, 0.1}, {1, 0.25}, {2, 1.0}, {3, 0.0}, {77, 0.5}};
  for (const auto partitions : {1U, 3U, 50U, 1200U})
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      CAPTURE(partitions);
      CAPTURE(seed);
      const auto data = range(sc, 1003, partitions).key_by([](std::int64_t x) { return x % 4; });
      const auto without = data.sample_by_key_exact(false, fractions, seed);
      const auto chosen = without.collect();
      std::map<std::int64_t, std::size_t> counts;
      for (const auto& [key, value] : chosen)
        ++counts[key];
      CHECK(counts == std::map<std::int64_t, std::size_t>{{0, 26}, {1, 63}, {2, 251}});
      CHECK(std::is_sorted(chosen.begin(), chosen.end(), sal::by_value));
      CHECK(without.values().distinct().count() == chosen.size());
      CHECK(data.sample_by_key_exact(false, fractions, seed).collect() == chosen);
      CHECK(data.sample_by_key_exact(false, fractions, seed + 10).collect() != chosen);
      const auto with = data.sample_by_key_exact(true, std::map<std::int64_t, double>{{0, 0.1}, {1, 3.0}, {2, 1.0}, {3, 0.0}}, seed);
      const auto often = with.count_by_key();
      CHECK(often.at(0) == 26);
      CHECK(often.at(1) == 753);
      CHECK(often.at(2) == 251);
      CHECK(often.count(3) == 0);
      CHECK(with.filter([](const auto& pair) { return pair.first == 2; }).values().distinct().count() < 251);
    }
}

TEST_CASE_FIXTURE(api, "an exact sample prefers no record and no partition") {
  const auto data = range(sc, 100, 8).key_by([](std::int64_t) { return 0; });
  std::vector<int> taken(100);
  constexpr int rounds = 400;
  for (std::uint64_t seed = 0; seed < rounds; ++seed)
    for (const auto& [key, value] : data.sample_by_key_exact(seed % 2 == 0, std::map<int, double>{{0, 0.3}}, seed).collect())
      ++taken[static_cast<std::size_t>(value)];
  const auto expected = rounds * 0.3;
  for (const auto times : taken)
    CHECK(std::abs(times - expected) < 6 * std::sqrt(expected));
}

TEST_CASE_FIXTURE(api, "an exact sample by key tells what is wrong when it is defined") {
  const auto data = sc.parallelize(std::vector<std::pair<std::string, int>>{{"odd", 1}, {"even", 2}}, 2);
  std::string text;
  CHECK(code_of(
            [&] {
              data.sample_by_key_exact(false, std::map<std::string, double>{{"odd", 1.0}}, 1);
            },
            &text) == sal::errc::invalid_argument);
  CHECK(text.find("sample_by_key_exact at ") == 0);
  CHECK(text.find("there is no fraction for the key even") != std::string::npos);
  CHECK(code_of([&] { data.sample_by_key_exact(false, std::map<std::string, double>{{"odd", 1.5}}); }) == sal::errc::invalid_argument);
  CHECK(sc.empty_rdd<std::pair<int, int>>().sample_by_key_exact(false, std::map<int, double>{}).count() == 0);
}
