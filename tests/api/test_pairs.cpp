#include "fixture.hpp"

using ints = std::vector<std::pair<int, int>>;

TEST_CASE_FIXTURE(api, "reduce_by_key combines all values of a key") {
  const auto pairs = sc.parallelize(ints{{1, 1}, {1, 2}, {1, 3}, {1, 1}, {2, 1}}, 2);
  CHECK(sorted(pairs.reduce_by_key(std::plus<>{}).collect()) == ints{{1, 7}, {2, 1}});
  CHECK(sorted(pairs.fold_by_key(0, std::plus<>{}).collect()) == ints{{1, 7}, {2, 1}});
  CHECK(pairs.reduce_by_key(std::plus<>{}, 10).num_partitions() == 10);
  const auto negative = sc.parallelize(ints{{-1, 1}, {-1, 2}, {-7, 3}}, 3);
  CHECK(sorted(negative.reduce_by_key(std::plus<>{}, 5).collect()) == ints{{-7, 3}, {-1, 3}});
}

TEST_CASE_FIXTURE(api, "group_by_key gives all values in order") {
  const auto pairs = sc.parallelize(ints{{1, 1}, {1, 2}, {1, 3}, {1, 1}, {2, 1}}, 2);
  const auto groups = pairs.group_by_key(10).collect();
  std::map<int, std::vector<int>> by_key(groups.begin(), groups.end());
  CHECK(by_key == std::map<int, std::vector<int>>{{1, {1, 2, 3, 1}}, {2, {1}}});
  const auto sizes = pairs.group_by_key().map_values([](const sal::group<int>& values) { return values.size(); });
  CHECK(sorted(sizes.collect()) == std::vector<std::pair<int, std::size_t>>{{1, 4}, {2, 1}});
  const auto flags = sc.range(0, 4, 1, 2).map([](std::int64_t x) { return std::pair{0, x > 1}; }).group_by_key().collect();
  CHECK(flags.front().second == std::vector<bool>{false, false, true, true});
  const auto even = sc.range(0, 10, 1, 3).group_by([](std::int64_t x) { return x % 2; }).collect();
  CHECK(even.size() == 2);
}

TEST_CASE_FIXTURE(api, "combine_by_key and aggregate_by_key take combiners of another type") {
  const auto pairs = sc.parallelize(std::vector<std::pair<std::string, int>>{{"a", 1}, {"b", 2}, {"a", 3}}, 2);
  const auto lists = pairs.combine_by_key([](int v) { return std::vector{v}; },
                                          [](std::vector<int> all, int v) {
                                            all.push_back(v);
                                            return all;
                                          },
                                          [](std::vector<int> a, const std::vector<int>& b) {
                                            a.insert(a.end(), b.begin(), b.end());
                                            return a;
                                          });
  CHECK(sorted(lists.collect()) == std::vector<std::pair<std::string, std::vector<int>>>{{"a", {1, 3}}, {"b", {2}}});
  const auto sets = pairs.aggregate_by_key(
      std::set<int>{},
      [](std::set<int> all, int v) {
        all.insert(v);
        return all;
      },
      [](std::set<int> a, const std::set<int>& b) {
        a.insert(b.begin(), b.end());
        return a;
      });
  CHECK(sorted(sets.collect()) == std::vector<std::pair<std::string, std::set<int>>>{{"a", {1, 3}}, {"b", {2}}});
}

TEST_CASE_FIXTURE(api, "joins pair values of equal keys, outer ones keep the lonely") {
  const auto left = sc.parallelize(ints{{1, 1}, {1, 2}, {2, 1}, {3, 1}}, 2);
  const auto right = sc.parallelize(std::vector<std::pair<int, char>>{{1, 'x'}, {2, 'y'}, {2, 'z'}, {4, 'w'}}, 3);
  using inner = std::pair<int, std::pair<int, char>>;
  CHECK(sorted(left.join(right).collect()) == std::vector<inner>{{1, {1, 'x'}}, {1, {2, 'x'}}, {2, {1, 'y'}}, {2, {1, 'z'}}});
  CHECK(left.left_outer_join(right).count() == 5);
  CHECK(left.right_outer_join(right).count() == 5);
  CHECK(left.full_outer_join(right).count() == 6);
  CHECK(sorted(left.join(right, 20).collect()) == sorted(left.join(right).collect()));
  for (const auto& [key, both] : left.left_outer_join(right).collect())
    CHECK(both.second.has_value() == (key != 3));
  const auto many = sc.parallelize(ints{{1, 1}, {1, 2}, {1, 3}}, 2).join(sc.parallelize(ints{{1, 8}, {1, 9}}, 2));
  CHECK(many.count() == 6);
}

TEST_CASE_FIXTURE(api, "cogroup gives both sides of every key") {
  const auto left = sc.parallelize(ints{{1, 1}, {1, 2}, {2, 1}, {3, 1}}, 2);
  const auto right = sc.parallelize(ints{{1, 8}, {2, 9}, {2, 7}, {4, 6}}, 2);
  std::map<int, std::pair<std::vector<int>, std::vector<int>>> all;
  for (auto& [key, both] : left.cogroup(right).collect())
    all[key] = both;
  CHECK(all.size() == 4);
  CHECK(all[1] == std::pair<std::vector<int>, std::vector<int>>{{1, 2}, {8}});
  CHECK(all[2] == std::pair<std::vector<int>, std::vector<int>>{{1}, {9, 7}});
  CHECK(all[3].second.empty());
  CHECK(all[4].first.empty());
}

TEST_CASE_FIXTURE(api, "datasets that are partitioned alike are joined without a shuffle") {
  const auto left = sc.parallelize(ints{{1, 1}, {2, 2}, {3, 3}}, 2).partition_by(4);
  const auto right = sc.parallelize(ints{{1, 8}, {3, 9}}, 2).partition_by(4);
  const auto joined = left.join(right);
  CHECK(joined.num_partitions() == 4);
  CHECK(joined.partitioner() == left.partitioner());
  CHECK(joined.count() == 2);
  const auto lineage = joined.to_debug_string();
  CHECK(lineage.find("+-(2) parallelize") != std::string::npos);
  CHECK(lineage.find("+-(4)") == std::string::npos);
  CHECK(left.reduce_by_key(std::plus<>{}).to_debug_string().find("+-(4)") == std::string::npos);
  CHECK(left.map_values([](int x) { return x; }).partitioner().has_value());
  CHECK_FALSE(left.map([](const auto& p) { return p; }).partitioner().has_value());
}

TEST_CASE_FIXTURE(api, "partition_by puts key k in partition k mod n, or where a function says") {
  const auto pairs = sc.parallelize(ints{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}, 3);
  const auto parts = pairs.partition_by(sal::hash_partitioner{2}).glom().collect();
  for (const auto& [key, value] : parts[0])
    CHECK(key % 2 == 0);
  for (const auto& [key, value] : parts[1])
    CHECK(key % 2 == 1);
  const auto by_size = pairs.partition_by(2, [](int key) { return key < 2 ? 0 : 1; }).glom().collect();
  CHECK(by_size[0].size() == 2);
  CHECK(by_size[1].size() == 4);
  CHECK(code_of([&] { pairs.partition_by(2, [](int) { return 5; }).count(); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "sort_by_key orders over all partitions, both ways and by a user's ordering") {
  std::vector<std::pair<std::string, int>> data;
  for (int i = 0; i < 5000; ++i)
    data.emplace_back("key" + std::to_string((i * 7919) % 4999), i);
  const auto pairs = sc.parallelize(data, 7);
  auto keys = pairs.sort_by_key(true, 4).keys().collect();
  CHECK(std::is_sorted(keys.begin(), keys.end()));
  CHECK(keys.size() == 5000);
  keys = pairs.sort_by_key(false, 4).keys().collect();
  CHECK(std::is_sorted(keys.rbegin(), keys.rend()));
  const auto by_length = [](const auto& a, const auto& b) { return a.size() < b.size(); };
  keys = pairs.sort_by_key(by_length).keys().collect();
  CHECK(std::is_sorted(keys.begin(), keys.end(), by_length));
  const auto owned_keys = [](const std::string& a, const std::string& b) { return a > b; };
  keys = pairs.sort_by_key(owned_keys, 4).keys().collect();
  CHECK(std::is_sorted(keys.rbegin(), keys.rend()));
  CHECK(pairs.sort_by_key(true, 4).partitioner()->how == sal::partitioner::kind::range);
}

TEST_CASE_FIXTURE(api, "keys, values, lookup, count_by_key and collect_as_map") {
  const auto pairs = sc.parallelize(std::vector<std::pair<std::string, int>>{{"a", 1}, {"b", 2}, {"a", 3}}, 2);
  CHECK(pairs.keys().collect() == std::vector<std::string>{"a", "b", "a"});
  CHECK(pairs.values().collect() == std::vector{1, 2, 3});
  CHECK(pairs.lookup("a") == std::vector{1, 3});
  CHECK(pairs.partition_by(3).lookup("a") == std::vector{1, 3});
  CHECK(pairs.sort_by_key().lookup("b") == std::vector{2});
  CHECK(pairs.lookup("z").empty());
  auto counts = pairs.count_by_key();
  CHECK(counts["a"] == 2);
  auto map = pairs.collect_as_map();
  CHECK(map["a"] == 3);
  CHECK(map.size() == 2);
  CHECK(sorted(pairs.flat_map_values([](int x) {
                      return std::vector{x, -x};
                    })
                   .collect()) == std::vector<std::pair<std::string, int>>{{"a", -3}, {"a", -1}, {"a", 1}, {"a", 3}, {"b", -2}, {"b", 2}});
  CHECK(sc.parallelize({3, 4}, 2).key_by([](int x) { return x * x; }).collect() == ints{{9, 3}, {16, 4}});
}

TEST_CASE_FIXTURE(api, "default partition counts follow the largest input and near partitioners") {
  const auto small = sc.parallelize(ints{{1, 1}}, 9).partition_by(9);
  const auto large = sc.parallelize(ints{{1, 1}}, 11);
  CHECK(small.join(large).num_partitions() == 9);
  const auto ten = sc.parallelize(ints{{1, 1}}, 2).partition_by(10);
  const auto hundred = sc.parallelize(ints{{1, 1}}, 100);
  CHECK(ten.join(hundred).num_partitions() == 100);
  CHECK(sc.parallelize(ints{{1, 1}}, 200).reduce_by_key(std::plus<>{}).num_partitions() == 200);
}
