#include "fixture.hpp"

#include <chrono>
#include <ranges>
#include <unordered_map>
#include <unordered_set>

namespace {

struct nothing {
  friend bool operator==(const nothing&, const nothing&) = default;
};

struct person {
  std::string name;
  int age = 0;
};

using counts = std::vector<std::pair<std::string, int>>;

} // namespace

TEST_CASE_FIXTURE(api, "a map is a dataset of pairs, wherever it comes from") {
  const auto stock = sc.parallelize(std::map<std::string, int>{{"a", 1}, {"b", 2}, {"c", 3}}, 2);
  CHECK(stock.collect() == counts{{"a", 1}, {"b", 2}, {"c", 3}});
  CHECK(stock.union_with(stock).reduce_by_key(std::plus<>{}).sort_by_key(false).collect() == counts{{"c", 6}, {"b", 4}, {"a", 2}});
  CHECK(sc.parallelize(std::unordered_map<int, int>{{1, 4}, {2, 5}}, 2).collect_as_map().at(2) == 5);
  const auto words = sc.parallelize(std::vector<std::string>{"x", "y", "x", "x"}, 2);
  const auto counted = words.map_partitions([](auto records) {
    std::map<std::string, int> all;
    for (const auto& word : records)
      ++all[word];
    return all;
  });
  CHECK(counted.reduce_by_key(std::plus<>{}).sort_by_key().collect() == counts{{"x", 3}, {"y", 1}});
  const auto expanded = words.flat_map([](const std::string& word) { return std::unordered_map<std::string, int>{{word, 1}}; });
  CHECK(expanded.count_by_key().at("x") == 3);
  const auto firsts = words.map([](const std::string& word) { return *std::map<std::string, int>{{word, 7}}.begin(); });
  CHECK(firsts.lookup("y") == std::vector{7});
}

TEST_CASE_FIXTURE(api, "flags are records like others") {
  const auto flags = sc.parallelize(std::vector<bool>{true, false, true, false, true}, 3);
  using bools = std::vector<bool>;
  const auto self = [](bool flag) { return flag; };
  CHECK(flags.sort_by(self).collect() == bools{false, false, true, true, true});
  CHECK(flags.repartition(2).count() == 5);
  CHECK(flags.distinct().count() == 2);
  CHECK(flags.cartesian(flags).count() == 25);
  CHECK(flags.subtract(sc.parallelize(bools{true}, 1)).collect() == bools{false, false});
  CHECK(flags.intersection(flags).count() == 2);
  CHECK(flags.fold(false, std::logical_or<>{}));
  CHECK_FALSE(flags.reduce(std::logical_and<>{}));
  CHECK(flags.aggregate(false, std::logical_or<>{}, std::logical_or<>{}));
  CHECK(flags.tree_aggregate(false, std::logical_or<>{}, std::logical_or<>{}));
  CHECK(flags.key_by(self).lookup(true) == bools{true, true, true});
  CHECK(flags.flat_map([](bool flag) { return bools{flag, !flag}; }).count() == 10);
  CHECK(flags.top(1) == bools{true});
  bools seen;
  for (const bool flag : flags.to_local_iterator())
    seen.push_back(flag);
  CHECK(seen == flags.collect());
}

TEST_CASE_FIXTURE(api, "keys may be empty structs, times, and sets in whatever order they were filled") {
  CHECK(sc.parallelize(std::vector<nothing>(5), 3).distinct().count() == 1);
  using std::chrono::milliseconds;
  const auto times = sc.parallelize(std::vector{milliseconds(5), milliseconds(7), milliseconds(5)}, 2);
  CHECK(times.distinct().count() == 2);
  CHECK(times.max() == milliseconds(7));
  CHECK(times.key_by([](milliseconds t) { return std::chrono::sys_time<milliseconds>(t); }).count_by_key().size() == 2);
  std::unordered_set<int> up;
  std::unordered_set<int> down;
  for (int i = 0; i < 100; ++i) {
    up.insert(i);
    down.insert(99 - i);
  }
  CHECK(sc.parallelize(std::vector{up, down}, 2).distinct().count() == 1);
}

TEST_CASE_FIXTURE(api, "functions that merge may change what there is in place") {
  const auto numbers = sc.range(1, 101, 1, 7);
  using set = std::set<std::int64_t>;
  const auto add = [](set& all, std::int64_t x) { all.insert(x % 10); };
  const auto unite = [](auto& all, const auto& more) -> auto& {
    all.insert(more.begin(), more.end());
    return all;
  };
  CHECK(numbers.aggregate(set{}, add, unite).size() == 10);
  CHECK(numbers.tree_aggregate(set{}, add, unite, 3).size() == 10);
  const auto keyed = numbers.key_by([](std::int64_t x) { return x % 2; });
  const auto digits = keyed.aggregate_by_key(set{}, add, unite);
  CHECK(digits.lookup(1).front() == set{1, 3, 5, 7, 9});
  const auto combined = keyed.combine_by_key([](std::int64_t x) { return set{x % 10}; }, add, unite);
  CHECK(combined.lookup(0).front() == set{0, 2, 4, 6, 8});
}

TEST_CASE_FIXTURE(api, "functions of partitions may return views of the range they were given") {
  const auto numbers = sc.range(0, 20'000, 1, 3);
  const auto odd =
      numbers.map_partitions([](auto records) { return records | std::views::filter([](std::int64_t x) { return x % 2 == 1; }); });
  CHECK(odd.count() == 10'000);
  CHECK(odd.sum() == 100'000'000);
  const auto halves = numbers.map_partitions([](sal::record_range<std::int64_t> records) {
    return records | std::views::transform([](std::int64_t x) { return static_cast<double>(x) * 0.5; });
  });
  CHECK(halves.max() == 9999.5);
}

TEST_CASE_FIXTURE(api, "a pointer to a data member is a function of records") {
  const auto people = sc.parallelize(std::vector<person>{{"Ann", 41}, {"Bo", 7}}, 2);
  CHECK(people.map(&person::age).collect() == std::vector{41, 7});
  CHECK(people.sort_by(&person::age).map(&person::name).collect() == std::vector<std::string>{"Bo", "Ann"});
  CHECK(people.key_by(&person::name).lookup("Bo").front().age == 7);
}
