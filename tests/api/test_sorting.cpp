#include "fixture.hpp"

namespace {

using record = std::pair<int, std::int64_t>;

/// Where most records have the same few keys.
sal::rdd<record> skewed(sal::context& sc, std::int64_t count, std::uint32_t partitions) {
  return sc.range(0, count, 1, partitions).map([](std::int64_t x) {
    const auto mixed = static_cast<std::uint64_t>(x) * 0x9e3779b97f4a7c15ULL >> 40;
    return record{mixed % 10 < 8 ? 5 : static_cast<int>(mixed % 1000), x};
  });
}

const auto key = [](const record& one) { return one.first; };

std::vector<std::size_t> sizes(const sal::rdd<record>& data) {
  std::vector<std::size_t> all;
  for (const auto& part : data.glom().collect())
    all.push_back(part.size());
  return all;
}

} // namespace

TEST_CASE_FIXTURE(api, "sort_by spreads equal keys over partitions") {
  const auto equal = sc.range(0, 1'000'000, 1, 6).map([](std::int64_t x) { return record{7, x}; });
  const auto sorted_data = equal.sort_by(key, true, 8);
  const auto parts = sizes(sorted_data);
  REQUIRE(parts.size() == 8);
  for (const auto size : parts) {
    CHECK(size > 1'000'000 / 8 / 2);
    CHECK(size < 1'000'000 / 8 * 2);
  }
  // Stable: equal keys come as they stood in the input, over all partitions.
  const auto order = sorted_data.values().collect();
  CHECK(order.size() == 1'000'000);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE_FIXTURE(api, "sort_by is stable and balanced whatever the skew, in both directions") {
  const auto data = skewed(sc, 40'000, 7);
  const auto expected = [&](auto less) {
    auto all = data.collect();
    std::stable_sort(all.begin(), all.end(), [&](const record& a, const record& b) { return less(a.first, b.first); });
    return all;
  };
  for (const bool ascending : {true, false}) {
    CAPTURE(ascending);
    const auto sorted_data = data.sort_by(key, ascending, 5);
    const auto parts = sizes(sorted_data);
    REQUIRE(parts.size() == 5);
    for (const auto size : parts)
      CHECK(size < 2 * 40'000 / 5);
    CHECK(sorted_data.collect() == (ascending ? expected(std::less<>{}) : expected(std::greater<>{})));
    CHECK_FALSE(sorted_data.partitioner());
  }
  const auto by_last_digit = [](int a, int b) { return a % 10 < b % 10; };
  CHECK(data.sort_by(key, by_last_digit, 6).collect() == expected(by_last_digit));
}

TEST_CASE_FIXTURE(api, "sort_by_key keeps equal keys together, so that keys are found") {
  const auto data = skewed(sc, 40'000, 7);
  const auto sorted_data = data.sort_by_key(true, 5);
  std::set<int> seen;
  for (const auto& part : sorted_data.keys().glom().collect()) {
    const std::set<int> here(part.begin(), part.end());
    for (const auto one : here)
      CHECK(seen.insert(one).second);
  }
  CHECK(sorted_data.lookup(5).size() == data.filter([](const record& one) { return one.first == 5; }).count());
}

TEST_CASE_FIXTURE(api, "a sort samples its keys in one job that says so") {
  const auto jobs_of = [&](auto&& f) {
    const auto before = sc.last_job().job;
    f();
    return sc.last_job().job - before;
  };
  // One partition has nearly everything, which makes Spark read it a second time.
  const auto lopsided = sc.range(0, 10, 1, 10).flat_map([](std::int64_t x) { return std::vector<int>(x == 3 ? 50'000 : 10, 1); });
  const auto pairs = lopsided.zip_with_unique_id();
  sc.range(1).count();
  CHECK(jobs_of([&] { pairs.sort_by_key(true, 4); }) == 1);
  CHECK(sc.last_job().description.find("sort_by_key (sampling its keys) at ") == 0);
  CHECK(jobs_of([&] { pairs.sort_by([](const auto& one) { return one.second; }, true, 4); }) == 1);
  CHECK(sc.last_job().description.find("sort_by (sampling its keys) at ") == 0);
  const auto balanced = pairs.sort_by([](const auto& one) { return one.second; }, true, 4);
  for (const auto& part : balanced.glom().collect())
    CHECK(part.size() < 25'000);
  CHECK(jobs_of([&] { pairs.sort_by_key(true, 1); }) == 0);
}

TEST_CASE_FIXTURE(api, "an ordering that is not a strict weak order is told, not undefined") {
  const auto data = sc.parallelize(std::vector<int>{3, 1, 3, 2}, 2);
  const auto at_most = [](int a, int b) { return a <= b; };
  const auto fails = [&](auto&& f) {
    std::string text;
    CHECK(code_of(f, &text) == sal::errc::invalid_argument);
    CHECK_MESSAGE(text.find("not a strict weak order") != std::string::npos, text);
    return text;
  };
  const auto itself = [](int x) { return x; };
  CHECK(fails([&] { data.sort_by(itself, at_most, 2); }).find("sort_by at ") != std::string::npos);
  fails([&] { data.sort_by(itself, at_most, 1).collect(); });
  fails([&] { data.key_by(itself).sort_by_key(at_most, 2); });
  fails([&] { data.top(2, at_most); });
  fails([&] { data.take_ordered(2, at_most); });
  fails([&] { data.max(at_most); });
}
