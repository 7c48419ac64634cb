#include <salamander/scheduler/barrier_coordinator.hpp>

#include <doctest/doctest.h>

using namespace salamander::scheduler;
using namespace std::chrono_literals;

namespace {

using decisions = std::vector<barrier_coordinator::decision>;

/// A barrier stage of three tasks: partition p is task 10 + p.
struct gang_of_three {
  explicit gang_of_three(barrier_limits limits = {}) : coordinator(limits) {
    coordinator.launched(stage_id{7}, 2, {task_id{10}, task_id{11}, task_id{12}});
  }
  decisions reach(std::uint64_t task, std::uint32_t epoch = 0) {
    return coordinator.reached(task_id{task}, epoch, barrier_call::barrier, {}, now);
  }
  decisions gather(std::uint64_t task, const std::string& text, std::uint32_t epoch = 0) {
    return coordinator.reached(task_id{task}, epoch, barrier_call::all_gather, text, now);
  }

  barrier_coordinator coordinator;
  time_point now{};
};

const barrier_coordinator::pass& passed(const decisions& made) {
  REQUIRE(made.size() == 1);
  REQUIRE(std::holds_alternative<barrier_coordinator::pass>(made[0]));
  return std::get<barrier_coordinator::pass>(made[0]);
}

const barrier_coordinator::give_up& given_up(const decisions& made) {
  REQUIRE(made.size() == 1);
  REQUIRE(std::holds_alternative<barrier_coordinator::give_up>(made[0]));
  return std::get<barrier_coordinator::give_up>(made[0]);
}

} // namespace

TEST_CASE("tasks pass a barrier when the last of them has reached it, as often as they like") {
  gang_of_three g;
  for (std::uint32_t epoch = 0; epoch < 3; ++epoch) {
    CHECK(g.reach(10 + epoch, epoch).empty());
    CHECK(g.reach(10 + (epoch + 1) % 3, epoch).empty());
    const auto made = g.reach(10 + (epoch + 2) % 3, epoch);
    CHECK(passed(made).tasks == std::vector{task_id{10}, task_id{11}, task_id{12}});
    CHECK(passed(made).epoch == epoch);
    CHECK(passed(made).gathered.empty());
  }
  CHECK_FALSE(g.coordinator.next_timeout());
}

TEST_CASE("what tasks gather comes in the order of their partitions, whoever said it first") {
  gang_of_three g;
  g.gather(12, "c");
  g.gather(10, "a");
  CHECK(passed(g.gather(11, "")).gathered == std::vector<std::string>{"a", "", "c"});
}

TEST_CASE("a call that comes twice, late, or from a task that nobody knows changes nothing") {
  gang_of_three g;
  g.gather(10, "a");
  CHECK(g.gather(10, "again").empty());
  CHECK(g.gather(11, "b", 1).empty()); // nobody has passed epoch 0
  CHECK(g.gather(99, "x").empty());
  g.gather(11, "b");
  CHECK(passed(g.gather(12, "c")).gathered == std::vector<std::string>{"a", "b", "c"});
  CHECK(g.gather(12, "c").empty()); // of the epoch that is over
  CHECK_FALSE(g.coordinator.next_timeout());
}

TEST_CASE("tasks that call different things fail together, and are told which") {
  gang_of_three g;
  g.reach(11);
  const auto made = g.gather(10, "a");
  CHECK(given_up(made).tasks == std::vector{task_id{10}, task_id{11}});
  CHECK(given_up(made).why.find("Different barrier sync types found for the sync barrier epoch 0 from Stage 7 (Attempt 2)") == 0);
}

TEST_CASE("tasks that wait too long for another one fail, counted from the first of them") {
  gang_of_three g({10s, 100});
  g.reach(10);
  g.now += 9s;
  g.reach(11);
  CHECK(g.coordinator.next_timeout() == time_point{} + 10s);
  CHECK(g.coordinator.timed_out(g.now).empty());
  g.now += 1s;
  const auto made = g.coordinator.timed_out(g.now);
  CHECK(given_up(made).tasks.size() == 2);
  CHECK(given_up(made).why.find("didn't get all barrier sync requests for barrier epoch 0 from Stage 7 (Attempt 2) within 10 second(s)") !=
        std::string::npos);
  CHECK(g.coordinator.timed_out(g.now + 1h).empty()); // they have been told
}

TEST_CASE("nobody waits for a task that has ended well without reaching the barrier") {
  gang_of_three g;
  SUBCASE("while others wait") {
    g.reach(10);
    const auto made = g.coordinator.ended(task_id{12}, true);
    CHECK(given_up(made).tasks == std::vector{task_id{10}});
    CHECK(given_up(made).why.find("The task of partition 2 has ended without reaching barrier epoch 0") == 0);
  }
  SUBCASE("before they came") {
    CHECK(g.coordinator.ended(task_id{12}, true).empty());
    CHECK(given_up(g.reach(10)).tasks == std::vector{task_id{10}});
    CHECK(given_up(g.reach(11)).tasks == std::vector{task_id{11}});
  }
  SUBCASE("though it had passed an earlier one") {
    g.reach(10);
    g.reach(11);
    g.reach(12);
    g.coordinator.ended(task_id{12}, true);
    CHECK(given_up(g.reach(10, 1)).epoch == 1);
  }
}

TEST_CASE("tasks that wait for one that has failed or is lost are left to be cancelled") {
  gang_of_three g;
  g.reach(10);
  CHECK(g.coordinator.ended(task_id{12}, false).empty());
  CHECK(g.coordinator.ended(task_id{10}, false).empty()); // cancelled while it waited
  CHECK(g.reach(11).empty());
  CHECK(g.coordinator.ended(task_id{11}, false).empty());
  CHECK(g.coordinator.gangs() == 0);
  CHECK_FALSE(g.coordinator.next_timeout());
}

TEST_CASE("attempts of a stage have nothing to do with each other") {
  gang_of_three g;
  g.reach(10);
  g.coordinator.launched(stage_id{7}, 3, {task_id{20}, task_id{21}});
  CHECK(g.reach(20).empty());
  CHECK(passed(g.reach(21)).tasks == std::vector{task_id{20}, task_id{21}});
  CHECK(g.coordinator.gangs() == 2);
}

TEST_CASE("tasks that gather more than fits a message fail with advice") {
  gang_of_three g({1h, 10});
  CHECK(g.gather(10, "12345").empty());
  CHECK(g.coordinator.ended(task_id{10}, false).empty()); // what it said does not count any more
  CHECK(g.gather(11, "1234567890").empty());
  CHECK(given_up(g.gather(12, "1")).why.find("gather more than 10 bytes. all_gather is for") != std::string::npos);
}
