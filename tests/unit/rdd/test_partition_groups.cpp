#include <salamander/rdd/partition_groups.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

namespace {

using namespace salamander::core;
using preferences = std::vector<std::vector<std::string>>;

/// Each partition once, no group empty, members in order.
void check_whole(const std::vector<partition_group>& groups, std::size_t partitions) {
  std::vector<std::uint32_t> all;
  for (const auto& one : groups) {
    CHECK_FALSE(one.members.empty());
    CHECK(std::ranges::is_sorted(one.members));
    all.insert(all.end(), one.members.begin(), one.members.end());
  }
  std::ranges::sort(all);
  REQUIRE(all.size() == partitions);
  for (std::uint32_t p = 0; p < partitions; ++p)
    CHECK(all[p] == p);
}

} // namespace

TEST_CASE("without preferences groups are runs of neighbours of about equal length") {
  const auto groups = group_partitions(preferences(10), 4);
  check_whole(groups, 10);
  CHECK(groups[0].members == std::vector<std::uint32_t>{0, 1});
  CHECK(groups[3].members == std::vector<std::uint32_t>{7, 8, 9});
  CHECK(groups[0].host.empty());
}

TEST_CASE("partitions that prefer the same host come together") {
  preferences wanted;
  for (int p = 0; p < 9; ++p)
    wanted.push_back({"host-" + std::to_string(p % 3)});
  const auto groups = group_partitions(wanted, 3);
  check_whole(groups, 9);
  for (const auto& one : groups) {
    CHECK(one.members.size() == 3);
    for (const auto p : one.members)
      CHECK(wanted[p].front() == one.host);
  }
}

TEST_CASE("of ten thousand partitions on fifty hosts nine in ten are local, and groups are of equal size within a fifth") {
  std::mt19937 random(7);
  preferences wanted(10000);
  for (auto& hosts : wanted)
    for (int replica = 0; replica < 3; ++replica)
      hosts.push_back("host-" + std::to_string(random() % 50));
  for (const std::uint32_t count : {25U, 50U, 100U, 333U}) {
    const auto groups = group_partitions(wanted, count);
    check_whole(groups, wanted.size());
    std::size_t local = 0;
    for (const auto& one : groups) {
      CHECK(one.members.size() >= 10000 / count * 4 / 5);
      CHECK(one.members.size() <= 10000 / count * 6 / 5 + 1);
      local += static_cast<std::size_t>(
          std::ranges::count_if(one.members, [&](std::uint32_t p) { return std::ranges::find(wanted[p], one.host) != wanted[p].end(); }));
    }
    // With half the hosts some partitions prefer none that is left: (1/2)^3 of them.
    CHECK(local >= (count < 50 ? 8500U : 9000U));
  }
}

TEST_CASE("one host that everybody prefers does not get everything") {
  preferences wanted(100, {"popular"});
  wanted[0] = {"other"};
  const auto groups = group_partitions(wanted, 4);
  check_whole(groups, 100);
  for (const auto& one : groups)
    CHECK(one.members.size() <= 30);
}

TEST_CASE("partitions without a preference fill up what is small, and no group stays empty") {
  preferences wanted(20);
  wanted[3] = {"a"};
  check_whole(group_partitions(wanted, 20), 20);
  const auto groups = group_partitions(wanted, 5);
  check_whole(groups, 20);
  for (const auto& one : groups)
    CHECK(one.members.size() == 4);
  preferences skewed(7, {"a"});
  skewed[0] = {"b", "c"};
  for (std::uint32_t count = 1; count <= 7; ++count)
    check_whole(group_partitions(skewed, count), 7);
}

TEST_CASE("a partition prefers what the first preferring partition that it is made from does, but not across a shuffle") {
  const auto source = std::make_shared<lineage>();
  source->partitions = 2;
  source->places = {{"a", "b"}, {}};
  const auto mapped = std::make_shared<lineage>();
  mapped->partitions = 2;
  dependency one_to_one;
  one_to_one.parent = source;
  mapped->dependencies.push_back(one_to_one);
  const auto grouped = std::make_shared<lineage>();
  grouped->partitions = 1;
  dependency both;
  both.parent = mapped;
  both.how = dependency::kind::grouped;
  both.groups = {{1, 0}};
  grouped->dependencies.push_back(both);
  const auto shuffled = std::make_shared<lineage>();
  shuffled->partitions = 1;
  dependency wide;
  wide.parent = grouped;
  wide.how = dependency::kind::wide;
  shuffled->dependencies.push_back(wide);
  CHECK(preferred_hosts(*mapped, 0) == std::vector<std::string>{"a", "b"});
  CHECK(preferred_hosts(*mapped, 1).empty());
  CHECK(preferred_hosts(*grouped, 0) == std::vector<std::string>{"a", "b"});
  CHECK(has_places(*grouped));
  CHECK_FALSE(has_places(*shuffled));
  CHECK(preferred_hosts(*shuffled, 0).empty());
}
