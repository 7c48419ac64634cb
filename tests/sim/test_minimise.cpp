#include "minimise.hpp"

#include "checks.hpp"
#include "minimality.hpp"
#include "run.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace salamander::sim;

namespace {

planned_fault fault_of(fault_kind kind, std::uint32_t slot) {
  planned_fault made;
  made.kind = kind;
  made.slot = slot;
  return made;
}

bool has(const scenario& what, fault_kind kind, std::uint32_t slot) {
  return std::any_of(what.faults.begin(), what.faults.end(), [&](const auto& one) { return one.kind == kind && one.slot == slot; });
}

} // namespace

TEST_CASE("what a failure does not need is left out, what it needs stays") {
  scenario failing;
  for (std::uint32_t slot = 0; slot < 20; ++slot)
    failing.faults.push_back(fault_of(slot % 2 == 0 ? fault_kind::kill : fault_kind::cut, slot));
  failing.jobs.resize(4);
  failing.jobs[2].dataset = 7;
  const auto needs = [](const scenario& what) {
    return has(what, fault_kind::kill, 4) && has(what, fault_kind::cut, 17) &&
           std::any_of(what.jobs.begin(), what.jobs.end(), [](const auto& job) { return job.dataset == 7; });
  };
  const auto small = minimise(failing, needs);
  CHECK(needs(small));
  CHECK(small.faults.size() == 2);
  CHECK(small.jobs.size() == 1);
}

TEST_CASE("the search ends when it has asked as often as it may") {
  scenario failing;
  for (std::uint32_t slot = 0; slot < 100; ++slot)
    failing.faults.push_back(fault_of(fault_kind::kill, slot));
  int asked = 0;
  const auto fails = [&](const scenario& what) {
    ++asked;
    return what.faults.size() > 98;
  };
  CHECK(fails(minimise(failing, fails, 25)));
  CHECK(asked == 26);
}

TEST_CASE("a run is the same run however often it is run") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto first = run(make_scenario(seed));
    const auto second = run(make_scenario(seed));
    CHECK(first.hash == second.hash);
    CHECK(first.events == second.events);
    CHECK(first.hash != run(make_scenario(seed + 1000)).hash);
  }
}

TEST_CASE("after a loss, what was not lost or is not needed must not be computed again") {
  dataset source;
  source.partitions = 2;
  dataset sums;
  sums.partitions = 1;
  salamander::core::dependency edge;
  edge.parent = std::shared_ptr<const salamander::core::lineage>(std::shared_ptr<void>(), &source);
  edge.how = salamander::core::dependency::kind::wide;
  edge.shuffle = {9};
  sums.dependencies.push_back(edge);
  const loss_accounting::place first{shuffle_id{9}, 0};
  const loss_accounting::place second{shuffle_id{9}, 1};
  const loss_accounting::place result{std::nullopt, 0};
  const auto lose = [&](bool result_runs) {
    loss_accounting made;
    loss_accounting::state now;
    now.final = &sums;
    now.wanted = {0};
    now.lost = {first};
    now.held = {second};
    if (result_runs)
      now.running = {result};
    made.executor_lost(now);
    return made;
  };
  auto right = lose(false);
  right.launched(first);
  right.launched(result);
  CHECK_NOTHROW(right.check_end(true));
  auto too_much = lose(false);
  too_much.launched(first);
  too_much.launched(second);
  too_much.launched(result);
  CHECK_THROWS_AS(too_much.check_end(true), violation);
  CHECK_THROWS_AS(too_much.check_end(false), violation);
  auto too_little = lose(false);
  too_little.launched(result);
  CHECK_THROWS_AS(too_little.check_end(true), violation);
  CHECK_NOTHROW(too_little.check_end(false)); // the job failed, and needed it no more
  auto twice = lose(false);
  twice.launched(first);
  twice.launched(first);
  twice.launched(result);
  CHECK_THROWS_AS(twice.check_end(true), violation);
  // A reducer that runs may have read what was lost: both answers are right.
  CHECK_NOTHROW(lose(true).check_end(true));
}
