#include "fixture.hpp"

TEST_CASE_FIXTURE(api, "collect returns the records in partition order") {
  const auto nums = sc.parallelize(std::vector{1, 2, 3, 4}, 2);
  CHECK(nums.collect() == std::vector{1, 2, 3, 4});
  CHECK(nums.glom().collect() == std::vector<std::vector<int>>{{1, 2}, {3, 4}});
  CHECK(nums.count() == 4);
  CHECK(nums.num_partitions() == 2);
}

TEST_CASE_FIXTURE(api, "map_partitions sees each partition once") {
  const auto nums = sc.parallelize({1, 2, 3, 4}, 2);
  const auto sums = nums.map_partitions([](auto records) {
    int sum = 0;
    for (const int x : records)
      sum += x;
    return std::vector{sum};
  });
  CHECK(sums.collect() == std::vector{3, 7});
  const auto indexed = nums.map_partitions_with_index([](std::uint32_t index, auto records) {
    int sum = 0;
    for (const int x : records)
      sum += x;
    return std::vector{std::pair{index, sum}};
  });
  CHECK(indexed.collect() == std::vector<std::pair<std::uint32_t, int>>{{0, 3}, {1, 7}});
}

TEST_CASE_FIXTURE(api, "a partition is read by hand, skipped and looked at, as any input range") {
  // More than a batch: what is skipped may be the last record of one.
  const auto numbers = sc.range(0, 40000, 1, 2);
  const auto by_hand = numbers
                           .map_partitions([](auto records) {
                             auto at = records.begin();
                             std::vector<std::int64_t> seen{*at}; // not compared with end() before
                             ++at;
                             ++at;
                             seen.push_back(*at++);
                             for (int i = 0; i < 15000; ++i)
                               ++at;
                             seen.push_back(*at);
                             seen.push_back(std::distance(at, records.end()));
                             return seen;
                           })
                           .collect();
  CHECK(by_hand == std::vector<std::int64_t>{0, 2, 15003, 4997, 20000, 20002, 35003, 4997});
  const auto without_first = sc.parallelize(std::vector<std::string>{"name,age", "a,1", "b,2"}, 1).map_partitions([](auto records) {
    auto at = records.begin();
    std::vector<std::string> rest;
    for (++at; at != records.end(); ++at)
      rest.push_back(*at);
    return rest;
  });
  CHECK(without_first.collect() == std::vector<std::string>{"a,1", "b,2"});
}

TEST_CASE_FIXTURE(api, "reading an empty partition without a look at its end is an error that says so") {
  std::string text;
  const auto first = sc.parallelize(std::vector{1}, 2).map_partitions([](auto records) { return std::vector<int>{*records.begin()}; });
  CHECK(code_of([&] { first.collect(); }, &text) == sal::errc::task_failed);
  CHECK(text.find("read past its last record") != std::string::npos);
}

TEST_CASE_FIXTURE(api, "map_partitions is called for empty partitions too") {
  const auto ones = sc.parallelize(std::vector<int>{7}, 3).map_partitions([](auto) { return std::vector{1}; });
  CHECK(ones.collect() == std::vector{1, 1, 1});
}

TEST_CASE_FIXTURE(api, "union, flat_map and filter keep order") {
  const auto nums = sc.parallelize({1, 2, 3, 4}, 2);
  CHECK((nums + nums).collect() == std::vector{1, 2, 3, 4, 1, 2, 3, 4});
  CHECK((nums + nums).num_partitions() == 4);
  CHECK(sc.union_of<int>({nums, nums, nums}).count() == 12);
  const auto counted = nums.flat_map([](int x) {
    std::vector<int> all;
    for (int i = 1; i <= x; ++i)
      all.push_back(i);
    return all;
  });
  CHECK(counted.collect() == std::vector{1, 1, 2, 1, 2, 3, 1, 2, 3, 4});
  CHECK(nums.filter([](int x) { return x % 2 == 0; }).collect() == std::vector{2, 4});
  CHECK(nums.max() == 4);
  CHECK(nums.min() == 1);
}

TEST_CASE_FIXTURE(api, "reduce of nothing is an error, fold of nothing is zero") {
  const auto nums = sc.parallelize({1, 2, 3, 4}, 2);
  CHECK(nums.reduce(std::plus<>{}) == 10);
  const auto none = nums.filter([](int x) { return x > 5; });
  CHECK(code_of([&] { none.reduce(std::plus<>{}); }) == sal::errc::empty_collection);
  CHECK(code_of([&] { none.first(); }) == sal::errc::empty_collection);
  CHECK(code_of([&] { none.max(); }) == sal::errc::empty_collection);
  CHECK(none.fold(0, std::plus<>{}) == 0);
  CHECK(none.is_empty());
  CHECK(nums.fold(1, std::plus<>{}) == 13); // zero counts once a partition and once on the driver
}

TEST_CASE_FIXTURE(api, "an empty dataset has no partitions and all operations take it") {
  const auto none = sc.empty_rdd<std::pair<int, int>>();
  const auto two = sc.parallelize(std::vector<std::pair<int, int>>{{1, 1}, {2, 2}}, 2);
  CHECK(none.count() == 0);
  CHECK(none.collect().empty());
  CHECK(none.num_partitions() == 0);
  CHECK(two.join(none).count() == 0);
  CHECK(two.left_outer_join(none).count() == 2);
  CHECK(two.right_outer_join(none).count() == 0);
  CHECK(two.full_outer_join(none).count() == 2);
  CHECK(two.cogroup(none).count() == 2);
  CHECK((two + none).count() == 2);
  CHECK(none.reduce_by_key(std::plus<>{}).collect().empty());
  CHECK(none.sort_by_key().collect().empty());
  CHECK(none.distinct().collect().empty());
}

TEST_CASE_FIXTURE(api, "take returns exactly the first records for any partitioning") {
  std::vector<int> data(999);
  for (int i = 0; i < 999; ++i)
    data[i] = i + 1;
  for (const int partitions : {1, 2, 100, 1000}) {
    const auto nums = sc.parallelize(data, partitions);
    for (const std::size_t n : {0, 1, 3, 500, 501, 999, 1000}) {
      CAPTURE(partitions);
      CAPTURE(n);
      CHECK(nums.take(n) == std::vector<int>(data.begin(), data.begin() + std::min<std::ptrdiff_t>(n, 999)));
    }
  }
  CHECK(sc.parallelize({1, 2}, 2).take(2147483638).size() == 2);
}

TEST_CASE_FIXTURE(api, "top and take_ordered are sorted and bounded") {
  const auto nums = sc.parallelize({5, 1, 4, 2, 3, 9, 7}, 3);
  CHECK(nums.top(3) == std::vector{9, 7, 5});
  CHECK(nums.take_ordered(3) == std::vector{1, 2, 3});
  CHECK(nums.take_ordered(3, std::greater<>{}) == std::vector{9, 7, 5});
  CHECK(nums.take_ordered(0).empty());
  CHECK(sc.empty_rdd<int>().take_ordered(4).empty());
  CHECK(nums.top(100).size() == 7);
}

TEST_CASE_FIXTURE(api, "aggregate starts from zero in each partition and merges in order") {
  const auto nums = sc.range(-1000, 1000, 1, 10);
  CHECK(nums.aggregate(std::int64_t{0}, std::plus<>{}, std::plus<>{}) == -1000);
  const auto text = sc.parallelize(std::vector<std::string>{"a", "b", "c", "d", "e"}, 3);
  CHECK(text.aggregate(std::string(), std::plus<>{}, std::plus<>{}) == "abcde");
  CHECK(text.reduce(std::plus<>{}) == "abcde");
}

TEST_CASE_FIXTURE(api, "parallelize slices evenly and refuses no partitions") {
  CHECK(sc.parallelize({1, 2, 3}, 3).glom().collect() == std::vector<std::vector<int>>{{1}, {2}, {3}});
  CHECK(sc.parallelize(std::vector<int>{}, 5).glom().collect().size() == 5);
  CHECK(code_of([&] { sc.parallelize({1, 2}, 0); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sc.parallelize({1, 2}, -1); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "range takes steps of both signs and never overflows") {
  CHECK(sc.range(0, 10, 3, 2).collect() == std::vector<std::int64_t>{0, 3, 6, 9});
  CHECK(sc.range(10, 0, -3, 2).collect() == std::vector<std::int64_t>{10, 7, 4, 1});
  CHECK(sc.range(5, 5, 1, 2).collect().empty());
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  CHECK(sc.range(most - 3, most, 2, 3).collect() == std::vector<std::int64_t>{most - 3, most - 1});
  CHECK(sc.range(least, most, most, 2).count() == 3);
  CHECK(code_of([&] { sc.range(0, 1, 0); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "distinct keeps one of each and is stable from run to run") {
  const auto nums = sc.parallelize({1, 1, 2, 2, 3, 3, 4, 4}, 2);
  CHECK(nums.distinct().count() == 4);
  CHECK(nums.distinct().collect() == nums.distinct().collect());
  CHECK(sorted(nums.distinct(3).collect()) == std::vector{1, 2, 3, 4});
  CHECK(nums.distinct(3).num_partitions() == 3);
}

TEST_CASE_FIXTURE(api, "coalesce and repartition change the number of partitions and lose nothing") {
  const auto nums = sc.range(0, 100, 1, 10);
  CHECK(nums.coalesce(3).num_partitions() == 3);
  CHECK(nums.coalesce(3).collect() == nums.collect());
  CHECK(nums.coalesce(20).num_partitions() == 10);
  const auto spread = nums.repartition(7);
  CHECK(spread.num_partitions() == 7);
  CHECK(sorted(spread.collect()) == nums.collect());
  for (const auto& part : spread.glom().collect())
    CHECK(part.size() >= 4);
  CHECK(nums.coalesce(20, true).num_partitions() == 20);
  CHECK(code_of([&] { nums.coalesce(0); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { nums.repartition(0); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "numbers have sums, means and spreads") {
  const auto nums = sc.parallelize(std::vector{1.0, 2.0, 3.0, 4.0}, 3);
  CHECK(nums.sum() == doctest::Approx(10));
  CHECK(nums.mean() == doctest::Approx(2.5));
  const auto stats = nums.stats();
  CHECK(stats.count() == 4);
  CHECK(stats.variance() == doctest::Approx(1.25));
  CHECK(stats.sample_variance() == doctest::Approx(5.0 / 3));
  CHECK(stats.min() == 1);
  CHECK(stats.max() == 4);
  const auto none = nums.filter([](double) { return false; });
  CHECK(none.sum() == 0);
  CHECK(none.stats().count() == 0);
  CHECK(std::isnan(none.stats().variance()));
  CHECK(code_of([&] { sc.empty_rdd<double>().stats(); }) == sal::errc::empty_collection);
}

TEST_CASE_FIXTURE(api, "sort_by orders by any key, both ways, and by a user's ordering") {
  const auto rows = sc.parallelize(std::vector<std::string>{"5|50|A", "4|60|C", "6|40|B"}, 2);
  const auto first = [](const std::string& row) { return row.substr(0, 1); };
  CHECK(rows.sort_by(first).collect() == std::vector<std::string>{"4|60|C", "5|50|A", "6|40|B"});
  CHECK(rows.sort_by(first, false).collect() == std::vector<std::string>{"6|40|B", "5|50|A", "4|60|C"});
  CHECK(rows.sort_by([](const std::string& row) { return row.back(); }).collect() ==
        std::vector<std::string>{"5|50|A", "6|40|B", "4|60|C"});
  CHECK(rows.sort_by(first, std::greater<>{}).collect() == std::vector<std::string>{"6|40|B", "5|50|A", "4|60|C"});
  CHECK(sc.empty_rdd<int>().sort_by([](int x) { return x; }).collect().empty());
  std::vector<int> many(10000);
  for (int i = 0; i < 10000; ++i)
    many[i] = (i * 7919) % 10007;
  CHECK(sc.parallelize(many, 7).sort_by([](int x) { return x; }, true, 5).collect() == sorted(many));
}

TEST_CASE_FIXTURE(api, "count_by_value counts, cache is read again") {
  const auto words = sc.parallelize(std::vector<std::string>{"a", "b", "a"}, 2);
  auto counts = words.count_by_value();
  CHECK(counts["a"] == 2);
  CHECK(counts["b"] == 1);
  const auto kept = sc.range(0, 1000, 1, 4).map([](std::int64_t x) { return x * 2; });
  kept.cache();
  CHECK(kept.count() == 1000);
  CHECK(sc.cached_partitions(kept) == 4);
  CHECK(kept.reduce(std::plus<>{}) == 999000);
  kept.unpersist(true);
  CHECK(sc.cached_partitions(kept) == 0);
  CHECK(kept.count() == 1000);
}

TEST_CASE_FIXTURE(api, "operations are refused inside tasks and after stop, with the place") {
  const auto nums = sc.parallelize({1, 2, 3}, 2);
  std::string text;
  CHECK(code_of([&] { sc.parallelize({1, 2}, 0); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("test_basics.cpp:") != std::string::npos);
  sc.stop();
  CHECK(code_of([&] { nums.count(); }, &text) == sal::errc::context_stopped);
  CHECK(text.find("created at") != std::string::npos);
}

TEST_CASE_FIXTURE(api, "to_debug_string shows the lineage with shuffles and call sites") {
  const auto counts = sc.parallelize({1, 2, 3}, 2).map([](int x) { return std::pair{x, 1}; }).reduce_by_key(std::plus<>{}, 3);
  const auto text = counts.to_debug_string();
  CHECK(text.find("(3) reduce_by_key") != std::string::npos);
  CHECK(text.find("+-(2) map") != std::string::npos);
  CHECK(text.find("parallelize") != std::string::npos);
  CHECK(text.find("test_basics.cpp:") != std::string::npos);
}
