#include <salamander/rdd/fault_decider.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace salamander;
using namespace salamander::core;
using namespace salamander::testing;
using namespace std::chrono_literals;

fault_plan plan_of(const fault& one, std::uint32_t seed = 1) {
  return fault_plan(seed).with(one);
}

/// The partitions of stage `stage` whose first attempt is hit when all are launched in this order.
std::vector<std::uint32_t> hit_partitions(fault_decider& decider, const std::vector<std::uint32_t>& order, std::uint32_t stage = 0) {
  std::vector<std::uint32_t> hit;
  for (const auto p : order)
    for (const auto fault : decider.task_launches({stage, 0, p, 0, 0})) {
      decider.spent(fault);
      hit.push_back(p);
    }
  std::sort(hit.begin(), hit.end());
  return hit;
}

std::vector<std::uint32_t> first(std::uint32_t n) {
  std::vector<std::uint32_t> all(n);
  for (std::uint32_t i = 0; i < n; ++i)
    all[i] = i;
  return all;
}

const std::vector<std::uint32_t> three{0, 1, 2};

} // namespace

TEST_CASE("without a trigger the first task that matches is hit, once") {
  fault_decider decider(plan_of(throw_task().stage(1)));
  CHECK(decider.task_launches({0, 0, 0, 0, 0}).empty());
  CHECK(decider.task_launches({1, 0, 5, 0, 0}).size() == 1);
  decider.spent(0);
  CHECK(decider.task_launches({1, 0, 6, 0, 0}).empty());
  CHECK(decider.matches(0) == 2);
}

TEST_CASE("selectors are stage, partition and executor") {
  fault_decider decider(plan_of(throw_task().stage(1).partition(2).executor(3).times(10)));
  CHECK(decider.task_launches({0, 0, 2, 0, 3}).empty());
  CHECK(decider.task_launches({1, 0, 1, 0, 3}).empty());
  CHECK(decider.task_launches({1, 0, 2, 0, 2}).empty());
  CHECK(decider.task_launches({1, 0, 2, 0, 3}).size() == 1);
}

TEST_CASE("nth hits every n-th match as often as times allows") {
  fault_decider decider(plan_of(throw_task().nth(3).times(2)));
  CHECK(hit_partitions(decider, first(20)) == std::vector<std::uint32_t>{2, 5});
}

TEST_CASE("a fault that found no occasion is given to the next task that matches") {
  fault_decider decider(plan_of(lose_block().nth(2)));
  CHECK(decider.task_launches({0, 0, 0, 0, 0}).empty());
  CHECK(decider.task_launches({0, 0, 1, 0, 0}).size() == 1);
  CHECK(decider.task_launches({0, 0, 2, 0, 0}).empty()); // one is on its way, and one is all
  decider.unspent(0);
  CHECK(decider.task_launches({0, 0, 3, 0, 0}).size() == 1);
  decider.spent(0);
  CHECK(decider.task_launches({0, 0, 4, 0, 0}).empty());
}

TEST_CASE("what is drawn does not depend on the order in which tasks are sent") {
  const auto plan = plan_of(throw_task().probability(0.3), 77);
  auto order = first(200);
  fault_decider straight(plan);
  const auto reference = hit_partitions(straight, order);
  std::mt19937 random(5);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(order.begin(), order.end(), random);
    fault_decider shuffled(plan);
    CHECK(hit_partitions(shuffled, order) == reference);
  }
  CHECK(reference.size() > 30);
  CHECK(reference.size() < 90);
}

TEST_CASE("what is drawn depends on the seed, the place in the plan, the stage and the attempt") {
  const auto hits = [](const fault_plan& plan, std::uint32_t stage, std::uint32_t fault, std::uint32_t attempt = 0) {
    fault_decider decider(plan);
    std::vector<std::uint32_t> hit;
    for (std::uint32_t p = 0; p < 200; ++p) {
      const auto all = decider.task_launches({stage, 0, p, attempt, 0});
      if (std::ranges::count(all, fault) != 0)
        hit.push_back(p);
    }
    return hit;
  };
  const auto one = throw_task().probability(0.5);
  const auto reference = hits(plan_of(one, 1), 0, 0);
  CHECK(hits(plan_of(one, 1), 0, 0) == reference);
  CHECK(hits(plan_of(one, 2), 0, 0) != reference);
  CHECK(hits(plan_of(one, 1), 1, 0) != reference);
  CHECK(hits(plan_of(one, 1), 0, 0, 1) != reference);
  CHECK(hits(plan_of(one, 1).with(one), 0, 0) == reference);
  CHECK(hits(plan_of(one, 1).with(one), 0, 1) != reference);
}

TEST_CASE("draws are spread evenly and certainty is certain") {
  fault_decider rare(plan_of(throw_task().probability(0.01)));
  CHECK(hit_partitions(rare, first(100000)).size() > 800);
  fault_decider rare_again(plan_of(throw_task().probability(0.01)));
  CHECK(hit_partitions(rare_again, first(100000)).size() < 1200);
  fault_decider certain(plan_of(throw_task().probability(1)));
  CHECK(hit_partitions(certain, first(1000)).size() == 1000);
  fault_decider limited(plan_of(throw_task().probability(1).times(3)));
  CHECK(hit_partitions(limited, first(1000)).size() == 3);
}

TEST_CASE("an executor is hit when its stage starts, if it is there") {
  fault_decider decider(fault_plan().with(kill_executor().executor(1).at_stage(2)).with(kill_executor().executor(9).at_stage(2)));
  CHECK(decider.stage_starts(0, 0, three).empty());
  const auto hits = decider.stage_starts(2, 0, three);
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].fault == 0);
  CHECK(hits[0].executor == 1);
  CHECK(decider.stage_starts(2, 1, three).empty()); // once is enough
}

TEST_CASE("times counts the attempts of the stage that triggers") {
  fault_decider decider(plan_of(kill_executor().at_stage(0).times(2)));
  CHECK(decider.stage_starts(0, 0, three).size() == 1);
  CHECK(decider.stage_starts(0, 1, three).size() == 1);
  CHECK(decider.stage_starts(0, 2, three).empty());
}

TEST_CASE("without a number some living executor is drawn, the same one each time") {
  std::set<std::uint32_t> drawn;
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    fault_decider one(plan_of(kill_executor().at_stage(0), seed));
    fault_decider other(plan_of(kill_executor().at_stage(0), seed));
    const auto hit = one.stage_starts(0, 0, three);
    REQUIRE(hit.size() == 1);
    CHECK(other.stage_starts(0, 0, three).at(0).executor == hit[0].executor);
    drawn.insert(hit[0].executor);
  }
  CHECK(drawn == std::set<std::uint32_t>{0, 1, 2});
}

TEST_CASE("after so many finished tasks the executor that finished the last of them is hit") {
  fault_decider any(plan_of(kill_executor().after_tasks(3)));
  CHECK(any.task_finishes({0, 0, 0, 0, 0}).empty());
  CHECK(any.task_finishes({0, 0, 1, 0, 1}).empty());
  const auto hit = any.task_finishes({0, 0, 2, 0, 1});
  REQUIRE(hit.size() == 1);
  CHECK(hit[0].executor == 1);

  fault_decider own(plan_of(kill_executor().executor(1).stage(1).after_tasks(2)));
  CHECK(own.task_finishes({1, 0, 0, 0, 0}).empty());
  CHECK(own.task_finishes({0, 0, 0, 0, 1}).empty()); // another stage
  CHECK(own.task_finishes({1, 0, 1, 0, 1}).empty());
  CHECK(own.task_finishes({1, 0, 2, 0, 0}).empty());
  CHECK(own.task_finishes({1, 0, 3, 0, 1}).size() == 1);
}

TEST_CASE("faults of tasks and faults of executors do not mix") {
  fault_decider decider(fault_plan().with(kill_executor().probability(1)).with(throw_task().probability(1)).with(drop_message().nth(1)));
  CHECK(decider.task_launches({0, 0, 0, 0, 0}) == std::vector<std::uint32_t>{1});
  const auto hits = decider.task_finishes({0, 0, 0, 0, 0});
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].fault == 0);
}

TEST_CASE("messages are counted for each executor and direction") {
  message_decider decider(plan_of(drop_message(direction::to_executor).nth(2).times(5)));
  CHECK_FALSE(decider.decide(0, direction::to_executor));
  CHECK_FALSE(decider.decide(0, direction::from_executor));
  CHECK_FALSE(decider.decide(0, direction::from_executor));
  CHECK_FALSE(decider.decide(1, direction::to_executor));
  const auto hit = decider.decide(0, direction::to_executor);
  REQUIRE(hit);
  CHECK(hit->kind == fault_kind::drop_message);
  CHECK(decider.decide(1, direction::to_executor));
}

TEST_CASE("messages that carry no work have numbers of their own, and nth is not about them") {
  message_decider decider(plan_of(drop_message().nth(2)));
  CHECK_FALSE(decider.decide(0, direction::to_executor, true));
  CHECK_FALSE(decider.decide(0, direction::to_executor, false));
  CHECK_FALSE(decider.decide(0, direction::to_executor, false));
  CHECK(decider.decide(0, direction::to_executor, true));
  const auto drawn = [](std::uint32_t heartbeats_between) {
    message_decider one(plan_of(drop_message().probability(0.3)));
    std::vector<std::uint32_t> hit;
    for (std::uint32_t i = 0; i < 100; ++i) {
      for (std::uint32_t beat = 0; beat < heartbeats_between; ++beat)
        one.decide(0, direction::from_executor, false);
      if (one.decide(0, direction::from_executor, true))
        hit.push_back(i);
    }
    return hit;
  };
  CHECK(drawn(0) == drawn(3));
}

TEST_CASE("messages are drawn by their number on the link, and no more often than allowed") {
  const auto drawn = [](const fault_plan& plan) {
    message_decider decider(plan);
    std::vector<std::uint32_t> hit;
    for (std::uint32_t i = 0; i < 1000; ++i)
      if (decider.decide(i % 3, direction::to_executor))
        hit.push_back(i);
    return hit;
  };
  const auto plan = plan_of(delay_message(20ms).probability(0.1), 3);
  CHECK(drawn(plan) == drawn(plan));
  CHECK(drawn(plan).size() > 50);
  CHECK(drawn(plan).size() < 200);
  CHECK(drawn(plan) != drawn(plan_of(delay_message(20ms).probability(0.1), 4)));
  CHECK(drawn(plan_of(delay_message(20ms).probability(0.1).times(7), 3)).size() == 7);
  CHECK(message_decider(plan_of(throw_task())).idle());
}
