#include "fixture.hpp"

namespace {

using strings = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(api, "nine elements with hosts, coalesced to three: none is lost, none is empty, and the hosts are kept") {
  std::vector<std::pair<int, strings>> data;
  for (int i = 0; i < 9; ++i)
    data.emplace_back(i, strings{"host-" + std::to_string(i % 3), "host-" + std::to_string((i + 1) % 3)});
  const auto all = sc.make_rdd(data);
  CHECK(all.num_partitions() == 9);
  CHECK(all.preferred_locations(4) == strings{"host-1", "host-2"});
  CHECK(all.collect() == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  const auto fewer = all.map([](int x) { return x * 10; }).coalesce(3);
  CHECK(fewer.num_partitions() == 3);
  auto parts = fewer.glom().collect();
  REQUIRE(parts.size() == 3);
  std::vector<int> found;
  for (std::uint32_t p = 0; p < 3; ++p) {
    CHECK(parts[p].size() == 3);
    const auto hosts = fewer.preferred_locations(p);
    REQUIRE(hosts.size() == 1);
    for (const int x : parts[p]) {
      const auto& wanted = data[static_cast<std::size_t>(x / 10)].second;
      CHECK(std::find(wanted.begin(), wanted.end(), hosts[0]) != wanted.end());
      found.push_back(x);
    }
  }
  std::sort(found.begin(), found.end());
  CHECK(found == std::vector<int>{0, 10, 20, 30, 40, 50, 60, 70, 80});
}

TEST_CASE_FIXTURE(api, "elements without hosts, no elements, and partitions that are not there") {
  CHECK(sc.make_rdd(std::vector<std::pair<std::string, strings>>{{"a", {}}, {"b", {}}}).collect() == strings{"a", "b"});
  CHECK(sc.make_rdd(std::vector<std::pair<int, strings>>{}).count() == 0);
  const auto plain = sc.range(0, 10, 1, 4);
  CHECK(plain.preferred_locations(3).empty());
  CHECK(code_of([&] { plain.preferred_locations(4); }) == sal::errc::invalid_argument);
  CHECK(plain.coalesce(2).glom().collect() == std::vector<std::vector<std::int64_t>>{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}});
}
