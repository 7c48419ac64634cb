#include <salamander/scheduler/restart_policy.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using salamander::scheduler::restart_policy;
using salamander::scheduler::time_point;

TEST_CASE("the first replacements come at once and the sixth waits for the window") {
  restart_policy policy({5, 30s, 5});
  time_point now{100s};
  for (int i = 0; i < 5; ++i) {
    CHECK(policy.ended(now, true) == now);
    now += 1s;
  }
  CHECK(policy.ended(now, true) == time_point{130s});
  CHECK(policy.ended(now, true) == time_point{131s});
}

TEST_CASE("never more than the allowed number of starts lie within one window") {
  restart_policy policy({3, 10s, 5});
  std::vector<time_point> starts;
  time_point now{0s};
  for (int i = 0; i < 50; ++i) {
    const auto at = policy.ended(now, true);
    REQUIRE(at);
    starts.push_back(*at);
    now = *at + 100ms;
  }
  for (std::size_t i = 3; i < starts.size(); ++i)
    CHECK(starts[i] - starts[i - 3] >= 10s);
}

TEST_CASE("old restarts are forgotten") {
  restart_policy policy({2, 10s, 5});
  CHECK(policy.ended(time_point{0s}, true) == time_point{0s});
  CHECK(policy.ended(time_point{1s}, true) == time_point{1s});
  CHECK(policy.ended(time_point{11s}, true) == time_point{11s});
}

TEST_CASE("a program that never gets ready is given up after five starts in a row") {
  restart_policy policy({5, 30s, 5});
  const time_point now{0s};
  for (int i = 0; i < 4; ++i)
    CHECK(policy.ended(now, false));
  CHECK_FALSE(policy.ended(now, false));
}

TEST_CASE("one success forgives failed starts") {
  restart_policy policy({100, 30s, 5});
  const time_point now{0s};
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i)
      CHECK(policy.ended(now, false));
    policy.ready();
    CHECK(policy.start_failures() == 0);
    CHECK(policy.ended(now, true));
  }
}

TEST_CASE("starts that fail where an executor once worked wait longer each time, so that a disk that is full for a while costs no slot") {
  restart_policy policy({100, 30s, 5});
  time_point now{0s};
  policy.ready();
  CHECK(policy.ended(now, true) == now);
  for (const auto wait : {1s, 2s, 4s, 8s}) {
    const auto next = policy.ended(now, false);
    REQUIRE(next);
    CHECK(*next == now + wait);
    now = *next;
  }
  CHECK_FALSE(policy.ended(now, false));
}

TEST_CASE("starts that fail where no executor ever worked do not wait") {
  restart_policy policy({100, 30s, 5});
  const time_point now{0s};
  for (int i = 0; i < 4; ++i)
    CHECK(policy.ended(now, false) == now);
}

TEST_CASE("without restarts the first end is the last") {
  restart_policy policy({0, 30s, 5});
  CHECK_FALSE(policy.ended(time_point{0s}, true));
}
