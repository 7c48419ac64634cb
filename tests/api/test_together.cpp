#include "fixture.hpp"

#include <numeric>

using ints = std::vector<int>;
using pairs = std::vector<std::pair<int, int>>;

namespace {

/// Numbers from 0 in as many partitions as asked for.
sal::rdd<int> numbers(sal::context& sc, int count, int partitions) {
  ints all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return sc.parallelize(all, partitions);
}

} // namespace

TEST_CASE_FIXTURE(api, "cartesian gives every pair once, ordered by partitions and by the left record") {
  for (const auto& [left, right] : pairs{{0, 3}, {1, 1}, {3, 2}, {5, 7}})
    for (const auto& [m, n] : pairs{{1, 1}, {2, 3}, {7, 2}}) {
      CAPTURE(left);
      CAPTURE(right);
      const auto a = numbers(sc, left, m);
      const auto b = numbers(sc, right, n);
      const auto product = a.cartesian(b);
      CHECK(product.num_partitions() == static_cast<std::uint32_t>(m * n));
      pairs expected;
      for (const auto& x : a.glom().collect())
        for (const auto& y : b.glom().collect())
          for (const auto i : x)
            for (const auto j : y)
              expected.emplace_back(i, j);
      CHECK(product.collect() == expected);
    }
  const auto words = sc.parallelize(std::vector<std::string>{"a word too long to be held in place", "b"}, 2);
  CHECK(words.cartesian(words).count() == 4);
  CHECK(words.cartesian(sc.empty_rdd<int>()).count() == 0);
}

TEST_CASE_FIXTURE(api, "cartesian computes a side again that is too large to keep") {
  const auto large = sc.range(0, 2, 1, 1).flat_map([](std::int64_t) { return std::vector<std::string>(700, std::string(60000, 'x')); });
  const auto sizes = numbers(sc, 3, 1).cartesian(large).map([](const std::pair<int, std::string>& one) { return one.second.size(); });
  CHECK(sizes.count() == 4200);
  CHECK(sizes.min() == 60000);
}

TEST_CASE_FIXTURE(api, "zip pairs records by position, and refuses what is not equally long") {
  const auto a = numbers(sc, 5000, 3);
  const auto b = a.map([](int x) { return std::to_string(x); }).filter([](const std::string&) { return true; });
  const auto both = a.zip(b).collect();
  REQUIRE(both.size() == 5000);
  for (const auto& [number, text] : both)
    REQUIRE(std::to_string(number) == text);
  std::string text;
  CHECK(code_of([&] { a.zip(numbers(sc, 5000, 2)); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Can't zip RDDs with unequal numbers of partitions: 3, 2") != std::string::npos);
  CHECK(code_of([&] { a.zip(a.filter([](int x) { return x != 4999; })).count(); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Can only zip RDDs with same number of elements in each partition") != std::string::npos);
  CHECK(code_of([&] { a.filter([](int x) { return x != 4999; }).zip(a).count(); }, &text) == sal::errc::invalid_argument);
  CHECK(a.zip(a).map([](const std::pair<int, int>& one) { return one.first == one.second; }).reduce(std::logical_and<>{}));
}

TEST_CASE_FIXTURE(api, "zip_partitions gives whole partitions to a function, lengths may differ") {
  const auto a = numbers(sc, 10, 2);
  const auto b = numbers(sc, 7, 2).map([](int x) { return 0.5 * x; });
  const auto sums = a.zip_partitions(b, [](sal::record_range<int> x, sal::record_range<double> y) {
    double all = 0;
    for (const auto one : x)
      all += one;
    for (const auto one : y)
      all += one;
    return std::vector{all};
  });
  CHECK(sums.collect() == std::vector<double>{10 + 1.5, 35 + 9});
  const auto counted = a.zip_partitions(b, a, b, [](auto w, auto x, auto y, auto z) {
    const auto length = [](auto& range) { return static_cast<int>(std::distance(range.begin(), range.end())); };
    return ints{length(w), length(x), length(y), length(z)};
  });
  CHECK(counted.collect() == ints{5, 3, 5, 3, 5, 4, 5, 4});
  CHECK(a.zip_partitions(a, a, [](auto, auto, auto) { return ints{1}; }).count() == 2);
  CHECK(code_of([&] { a.zip_partitions(numbers(sc, 3, 3), [](auto, auto) { return ints{}; }); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "records are numbered in order, or uniquely without a job") {
  using numbered = std::vector<std::pair<std::string, std::int64_t>>;
  const auto letters = sc.parallelize(std::vector<std::string>{"a", "b", "c", "d", "e"}, 3);
  CHECK(letters.zip_with_index().collect() == numbered{{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}, {"e", 4}});
  CHECK(letters.zip_with_unique_id().collect() == numbered{{"a", 0}, {"b", 1}, {"c", 4}, {"d", 2}, {"e", 5}});
  CHECK(letters.coalesce(1).zip_with_index().values().collect() == std::vector<std::int64_t>{0, 1, 2, 3, 4});
  CHECK(sc.empty_rdd<int>().zip_with_index().count() == 0);
  const auto many = numbers(sc, 10000, 7).filter([](int x) { return x % 3 != 0; });
  const auto ids = sorted(many.zip_with_unique_id().values().collect());
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  const auto indices = many.zip_with_index().values().collect();
  CHECK(indices.back() == static_cast<std::int64_t>(indices.size()) - 1);
}

TEST_CASE_FIXTURE(api, "intersection and subtract see datasets as sets and bags") {
  const auto a = sc.parallelize(ints{1, 10, 2, 3, 4, 5, 5, 2}, 3);
  const auto b = sc.parallelize(ints{1, 6, 2, 3, 7, 8, 2}, 2);
  CHECK(sorted(a.intersection(b).collect()) == ints{1, 2, 3});
  CHECK(sorted(a.subtract(b).collect()) == ints{4, 5, 5, 10});
  CHECK(a.subtract(b).num_partitions() == 3);
  CHECK(a.subtract(b, 5).num_partitions() == 5);
  CHECK(a.intersection(sc.empty_rdd<int>()).count() == 0);
  CHECK(sorted(a.subtract(sc.empty_rdd<int>()).collect()) == sorted(a.collect()));
  const auto x = sc.parallelize(pairs{{1, 1}, {2, 2}, {2, 3}, {3, 4}}, 2);
  const auto y = sc.parallelize(std::vector<std::pair<int, std::string>>{{2, "two"}, {5, "five"}}, 4);
  CHECK(sorted(x.subtract_by_key(y).collect()) == pairs{{1, 1}, {3, 4}});
  const auto placed = x.partition_by(4);
  CHECK(placed.subtract_by_key(y).partitioner() == placed.partitioner());
}

TEST_CASE_FIXTURE(api, "group_with brings two to four datasets together by key") {
  const auto w = sc.parallelize(pairs{{1, 1}, {2, 2}}, 2);
  const auto x = sc.parallelize(std::vector<std::pair<int, std::string>>{{1, "a"}, {1, "b"}, {3, "c"}}, 3);
  const auto y = sc.parallelize(std::vector<std::pair<int, double>>{{2, 0.5}}, 1);
  using three = std::tuple<ints, std::vector<std::string>, std::vector<double>>;
  CHECK(sorted(w.group_with(x, y).collect()) ==
        std::vector<std::pair<int, three>>{{1, {{1}, {"a", "b"}, {}}}, {2, {{2}, {}, {0.5}}}, {3, {{}, {"c"}, {}}}});
  CHECK(w.group_with(x).count() == 3);
  const auto four =
      w.group_with(x, y, w).map_values([](const auto& groups) { return std::get<0>(groups).size() + std::get<3>(groups).size(); });
  CHECK(sorted(four.collect()) == std::vector<std::pair<int, std::size_t>>{{1, 2}, {2, 2}, {3, 0}});
}

TEST_CASE_FIXTURE(api, "repartition_and_sort_within_partitions sorts each partition and keeps the order of equal keys") {
  const auto data = sc.parallelize(pairs{{0, 5}, {3, 8}, {2, 6}, {0, 8}, {3, 8}, {1, 3}}, 2);
  const auto two = data.repartition_and_sort_within_partitions(2);
  CHECK(two.glom().collect() == std::vector<pairs>{{{0, 5}, {0, 8}, {2, 6}}, {{1, 3}, {3, 8}, {3, 8}}});
  const auto back = data.repartition_and_sort_within_partitions(2, std::greater<>{});
  CHECK(back.glom().collect() == std::vector<pairs>{{{2, 6}, {0, 5}, {0, 8}}, {{3, 8}, {3, 8}, {1, 3}}});
  CHECK(two.repartition_and_sort_within_partitions(2).collect() == two.collect());
}

TEST_CASE_FIXTURE(api, "filter_by_range reads only the partitions of a sorted dataset that may have such keys") {
  const auto data = numbers(sc, 1000, 4).key_by([](int x) { return (x * 7919) % 1000; });
  const auto sorted_data = data.sort_by_key(true, 10);
  const auto some = sorted_data.filter_by_range(250, 290);
  CHECK(some.num_partitions() < sorted_data.num_partitions());
  ints expected(41);
  std::iota(expected.begin(), expected.end(), 250);
  CHECK(some.keys().collect() == expected);
  CHECK(sorted(data.filter_by_range(250, 290).keys().collect()) == expected);
  CHECK(data.sort_by_key(false, 10).filter_by_range(250, 290).count() == 41);
  CHECK(sorted_data.filter_by_range(290, 250).count() == 0);
  CHECK(sorted_data.filter_by_range(5000, 6000).count() == 0);
  // another ordering than that of the dataset
  CHECK(sorted_data.filter_by_range(290, 250, std::greater<>{}).count() == 41);
}
