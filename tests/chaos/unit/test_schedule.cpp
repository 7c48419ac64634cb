#include <doctest/doctest.h>

#include "harness/job_mix.hpp"
#include "harness/schedule.hpp"

#include <algorithm>
#include <map>

namespace {

using namespace chaos;
using namespace std::chrono_literals;

std::vector<fault_kind> some_kinds() {
  return {{"often", 20, 0ms, 0ms, cause::executor_gone},
          {"sometimes", 4, 500ms, 3s, cause::blocks_broken},
          {"seldom", 1, 30s, 30s, cause::driver_gone}};
}

std::map<std::string, std::size_t> count(std::uint32_t episodes, double intensity) {
  std::map<std::string, std::size_t> counts;
  for (std::uint32_t i = 0; i < episodes; ++i)
    for (const auto& one : plan_episode(5, i, some_kinds(), intensity).faults)
      ++counts[one.kind.name];
  return counts;
}

} // namespace

TEST_CASE("the same seed plans the same episode, another seed or number another one") {
  const auto first = describe(plan_episode(7, 3, some_kinds(), 2));
  CHECK(first == describe(plan_episode(7, 3, some_kinds(), 2)));
  CHECK(first != describe(plan_episode(8, 3, some_kinds(), 2)));
  CHECK(first != describe(plan_episode(7, 4, some_kinds(), 2)));
}

TEST_CASE("faults come in order and end with their episode") {
  std::size_t faults = 0;
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto plan = plan_episode(1, i, some_kinds(), 1);
    CHECK(plan.length >= 10s);
    CHECK(plan.length <= 60s);
    CHECK(std::ranges::is_sorted(plan.faults, {}, &planned_fault::at));
    for (const auto& one : plan.faults) {
      CHECK(one.at < plan.length);
      CHECK(one.at + one.lasts <= plan.length);
      CHECK(one.lasts <= one.kind.longest);
      CHECK(std::ranges::find(plan.kinds, one.kind.name) != plan.kinds.end());
      ++faults;
    }
  }
  CHECK(faults > 200);
}

TEST_CASE("each kind is on in some episodes and off in others, whatever the other kinds are") {
  std::size_t on = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const auto all = plan_episode(3, i, some_kinds(), 1);
    auto fewer = some_kinds();
    fewer.erase(fewer.begin());
    const auto rest = plan_episode(3, i, fewer, 1);
    const auto is_on = [](const episode& plan) { return std::ranges::find(plan.kinds, "sometimes") != plan.kinds.end(); };
    CHECK(is_on(all) == is_on(rest));
    on += is_on(all) ? 1 : 0;
  }
  CHECK(on > 20);
  CHECK(on < 80);
}

TEST_CASE("kinds occur as often as asked for, and more often with more intensity") {
  const auto usual = count(300, 1);
  const auto intense = count(300, 4);
  CHECK(usual.at("often") > 3 * usual.at("sometimes"));
  CHECK(usual.at("sometimes") > 2 * usual.at("seldom"));
  CHECK(intense.at("often") > 3 * usual.at("often"));
  CHECK(intense.at("often") < 5 * usual.at("often"));
}

TEST_CASE("jobs follow from the seed too, and all of them get their turn") {
  std::map<std::string, int> during;
  std::map<std::string, int> after;
  for (std::uint32_t i = 0; i < 500; ++i) {
    CHECK(job_during_faults(1, i).job == job_during_faults(1, i).job);
    CHECK(job_during_faults(1, i).seed == job_during_faults(1, i).seed);
    ++during[job_during_faults(1, i).job];
    ++after[job_after_faults(1, i).job];
  }
  CHECK(during.size() == 10);
  CHECK(after.size() == 4);
  CHECK_FALSE(after.contains("fatal_task"));
}
