// What Spark's own test suite checks of datasets, where no other file here does.
#include "fixture.hpp"

#include <msgpack.hpp>

#include <thread>

namespace {

/// Cannot be packed when it is 7.
class stubborn {
public:
  stubborn() = default;
  explicit stubborn(std::int64_t number) : text_(std::to_string(number)) {}

  std::int64_t number() const {
    return std::stoll(text_);
  }

  template <class Packer>
  void msgpack_pack(Packer& to) const {
    if (text_ == "7")
      throw std::runtime_error("seven does not travel");
    to.pack(text_);
  }
  void msgpack_unpack(const msgpack::object& from) {
    from.convert(text_);
  }

private:
  std::string text_;
};

using number_pairs = std::vector<std::pair<int, int>>;

std::size_t shuffles_in(const std::string& lineage) {
  std::size_t count = 0;
  for (auto at = lineage.find("+-"); at != std::string::npos; at = lineage.find("+-", at + 1))
    ++count;
  return count;
}

} // namespace

TEST_CASE_FIXTURE(api, "random splits of 600 records are complete, disjoint and near their shares for each seed") {
  const auto data = sc.range(0, 600, 1, 4);
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    CAPTURE(seed);
    const auto splits = data.random_split({1, 2, 3}, seed);
    auto all = splits[0].union_with(splits[1]).union_with(splits[2]).collect();
    CHECK(sorted(all) == data.collect());
    for (int i = 0; i < 3; ++i)
      CHECK(std::abs(static_cast<int>(splits[static_cast<std::size_t>(i)].count()) - 100 * (i + 1)) <= 50);
  }
}

TEST_CASE_FIXTURE(api, "a million records are sampled exactly") {
  const auto data = sc.range(0, 1'000'000, 1, 4);
  auto some = data.take_sample(false, 1000, 11);
  CHECK(some.size() == 1000);
  CHECK(std::set<std::int64_t>(some.begin(), some.end()).size() == 1000);
  CHECK(data.take_sample(true, 1000, 11).size() == 1000);
  CHECK(sc.range(0, 100).take_sample(true, 200, 3).size() == 200);
}

TEST_CASE_FIXTURE(api, "a product with more partitions than there can be is refused, not miscounted") {
  const auto wide = sc.range(0, 1, 1, 65536);
  std::string text;
  CHECK(code_of([&] { wide.cartesian(wide); }, &text) == sal::errc::invalid_argument);
  CHECK_MESSAGE(text.find("cartesian at ") == 0, text);
}

TEST_CASE_FIXTURE(api, "a cached partition may be read by another thread of its task") {
  const auto cached = sc.range(0, 1000, 1, 4);
  cached.cache().count();
  const auto read_elsewhere = [](auto records) {
    std::vector<std::int64_t> all;
    std::thread([&] {
      for (const auto one : records)
        all.push_back(one);
    }).join();
    return all;
  };
  CHECK(cached.map_partitions(read_elsewhere).collect() == cached.collect());
  cached.unpersist(true);
  CHECK(sc.cached_partitions(cached) == 0);
}

TEST_CASE_FIXTURE(api, "a record that cannot be packed fails its job where it has to travel, and nothing else") {
  const auto number = [](const stubborn& one) { return one.number(); };
  const auto made = sc.range(0, 10, 1, 2).map([](std::int64_t x) { return stubborn(x); });
  CHECK(made.map(number).sum() == 45);
  std::string text;
  const auto collected = code_of([&] { made.collect(); }, &text);
  if (sc.settings().get("salamander.master").starts_with("local-cluster")) {
    CHECK(collected != sal::errc::internal);
    CHECK_MESSAGE(text.find("seven does not travel") != std::string::npos, text);
    const auto held = sc.parallelize(std::vector{stubborn(1), stubborn(7)}, 2);
    CHECK(code_of([&] { held.map(number).collect(); }, &text) != sal::errc::internal);
    CHECK_MESSAGE(text.find("seven does not travel") != std::string::npos, text);
  }
  CHECK(sc.range(0, 10).count() == 10);
}

TEST_CASE_FIXTURE(api, "reducing what is partitioned already shuffles nothing more") {
  const auto data = sc.range(0, 100, 1, 3).key_by([](std::int64_t x) { return x - 50; }).map_values([](std::int64_t) { return 1; });
  const auto by_seven = data.partition_by(7, [](std::int64_t key) { return ((key % 7) + 7) % 7; });
  const auto sums = by_seven.reduce_by_key(std::plus<>{});
  CHECK(shuffles_in(sums.to_debug_string()) == 1);
  CHECK(sums.partitioner() == by_seven.partitioner());
  CHECK(sums.count() == 100);
  // Only what is not partitioned alike is moved.
  const auto left = data.partition_by(5);
  const auto rest = left.subtract_by_key(data.filter([](const auto& one) { return one.first < 0; }));
  CHECK(shuffles_in(rest.to_debug_string()) == 2);
  CHECK(rest.partitioner() == left.partitioner());
  CHECK(rest.count() == 50);
}

TEST_CASE_FIXTURE(api, "joins of a few pairs have as many rows as Spark's") {
  const auto left = sc.parallelize(number_pairs{{1, 1}, {1, 2}, {2, 1}, {3, 1}}, 2);
  const auto right = sc.parallelize(std::vector<std::pair<int, char>>{{1, 'x'}, {2, 'y'}, {2, 'z'}, {4, 'w'}}, 2);
  CHECK(left.join(right).count() == 4);
  CHECK(left.join(right, 20).count() == 4);
  CHECK(left.left_outer_join(right).count() == 5);
  CHECK(left.right_outer_join(right).count() == 5);
  CHECK(left.full_outer_join(right).count() == 6);
  const auto threes = sc.parallelize(number_pairs{{1, 1}, {1, 2}, {1, 3}}, 2);
  CHECK(threes.join(sc.parallelize(number_pairs{{1, 7}, {1, 8}})).count() == 6);
  CHECK(threes.join(sc.parallelize(number_pairs{{5, 7}})).count() == 0);
}

TEST_CASE_FIXTURE(api, "two thousand partitions in are two thousand out, and a join takes the largest") {
  const auto many = sc.range(0, 4000, 1, 2000).key_by([](std::int64_t x) { return x % 10; });
  const auto sums = many.reduce_by_key(std::plus<>{});
  CHECK(sums.num_partitions() == 2000);
  CHECK(sums.count() == 10);
  const auto few = sc.range(0, 10, 1, 2).key_by([](std::int64_t x) { return x; });
  CHECK(few.join(sc.range(0, 10, 1, 30).key_by([](std::int64_t x) { return x; })).num_partitions() == 30);
}

TEST_CASE_FIXTURE(api, "different values by key are counted within a percent") {
  const auto data = sc.range(1, 101, 1, 4).flat_map([](std::int64_t key) {
    std::vector<std::pair<std::int64_t, std::int64_t>> out;
    for (std::int64_t value = 0; value < 10 * key; ++value)
      out.emplace_back(key, value);
    return out;
  });
  for (const auto& [key, count] : data.count_approx_distinct_by_key(0.001).collect())
    CHECK(std::abs(static_cast<double>(count) / (10.0 * static_cast<double>(key)) - 1) < 0.01);
}

TEST_CASE_FIXTURE(api, "a directory without files is an empty dataset to every operation") {
  const scratch empty;
  const auto lines = sc.text_file(empty.path().string());
  CHECK(lines.num_partitions() == 0);
  const auto pairs = lines.map([](std::string_view line) { return std::pair{std::string(line), 1}; });
  CHECK(pairs.reduce_by_key(std::plus<>{}).collect().empty());
  CHECK(lines.distinct().collect().empty());
  CHECK(lines.group_by([](std::string_view line) { return line.size(); }).collect().empty());
  CHECK(pairs.sort_by_key().collect().empty());
  CHECK(pairs.join(pairs).collect().empty());
  CHECK(pairs.cogroup(pairs).collect().empty());
  const auto two = sc.parallelize(std::vector<std::pair<std::string, int>>{{"a", 1}, {"b", 2}}, 2);
  CHECK(pairs.join(two).count() == 0);
  CHECK(pairs.right_outer_join(two).count() == 2);
  CHECK(pairs.left_outer_join(two).count() == 0);
  CHECK(pairs.full_outer_join(two).count() == 2);
  CHECK(pairs.cogroup(two).count() == 2);
  CHECK(pairs.union_with(two).count() == 2);
}
