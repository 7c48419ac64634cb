#include "fixture.hpp"

namespace {

using pair = std::pair<int, int>;
using pairs = std::vector<pair>;

std::size_t shuffles(const std::string& lineage) {
  std::size_t found = 0;
  for (auto at = lineage.find("+-"); at != std::string::npos; at = lineage.find("+-", at + 1))
    ++found;
  return found;
}

} // namespace

TEST_CASE_FIXTURE(api, "distinct keeps a partitioner, and moves nothing then") {
  const auto twice = sc.parallelize(pairs{{1, 1}, {2, 5}, {1, 1}, {2, 6}, {3, 7}, {2, 5}}, 3);
  const auto placed = twice.partition_by(3);
  const auto once = placed.distinct();
  CHECK(once.partitioner() == placed.partitioner());
  CHECK(shuffles(once.to_debug_string()) == 1);
  CHECK(sorted(once.collect()) == pairs{{1, 1}, {2, 5}, {2, 6}, {3, 7}});
  CHECK(once.glom().collect().at(2).size() == 2);
  CHECK(sorted(once.lookup(2)) == std::vector{5, 6});
  const auto joined = once.join(placed);
  CHECK(shuffles(joined.to_debug_string()) == 2); // partition_by, which both sides show
  CHECK(joined.count() == 2 + 6 + 1);
  const auto elsewhere = placed.distinct(2);
  CHECK_FALSE(elsewhere.partitioner().has_value());
  CHECK(sorted(elsewhere.collect()) == pairs{{1, 1}, {2, 5}, {2, 6}, {3, 7}});
  CHECK(sorted(twice.sort_by_key(true, 2).distinct().collect()) == pairs{{1, 1}, {2, 5}, {2, 6}, {3, 7}});
}

TEST_CASE_FIXTURE(api, "datasets that are partitioned alike are united partition by partition, however many and whoever is empty") {
  const auto a = sc.parallelize(pairs{{1, 1}, {2, 2}}, 2).partition_by(2);
  const auto b = sc.parallelize(pairs{{1, 3}}, 1).partition_by(2);
  const auto none = sc.empty_rdd<pair>();
  for (const auto& all : {sc.union_of(std::vector{a, b, a}), sc.union_of(std::vector{none, a, b, none, a}), a + b + a + none}) {
    CHECK(all.partitioner() == a.partitioner());
    CHECK(all.num_partitions() == 2);
    CHECK(sorted(all.lookup(1)) == std::vector{1, 1, 3});
  }
  const auto other = sc.union_of(std::vector{a, sc.parallelize(pairs{{1, 4}}, 1), none});
  CHECK_FALSE(other.partitioner().has_value());
  CHECK(other.num_partitions() == 3);
  CHECK(sc.union_of(std::vector{none, none}).collect().empty());
  CHECK(sc.union_of(std::vector<sal::rdd<pair>>{}).num_partitions() == 0);
}

TEST_CASE_FIXTURE(api, "a partition function without a number of partitions uses the default") {
  const auto placed = sc.parallelize(pairs{{1, 1}, {2, 2}, {3, 3}}, 2).partition_by(0, [](int key) { return key % 2; });
  CHECK(placed.num_partitions() == 2);
  CHECK(placed.count() == 3);
}

TEST_CASE_FIXTURE(api, "a key is not found in a dataset without partitions") {
  const auto none = sc.empty_rdd<pair>();
  CHECK(none.reduce_by_key(std::plus<>{}).lookup(1).empty());
  CHECK(none.sort_by_key().lookup(1).empty());
  CHECK(none.partition_by(3).lookup(1).empty());
}
