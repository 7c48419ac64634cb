#include <salamander/scheduler/allocation.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using namespace salamander::scheduler;

namespace {

/// A cluster that grants at once what is wanted, and lets go whom it is told to.
struct application {
  explicit application(const allocation_options& options) : limits(options), machine(options) {
    grant(options.executors_initial);
  }

  static allocation_options options() {
    allocation_options made;
    made.executors_max = 100;
    return made;
  }

  void grant(std::uint32_t target) {
    while (there.size() < target)
      there.push_back({executor_id{next++}, 2, 0, false});
  }
  /// The tasks that wait run as far as there is room.
  void place() {
    for (auto& one : there)
      while (pending > 0 && one.running < one.slots && !one.leaving) {
        ++one.running;
        --pending;
      }
  }
  void finish_all() {
    for (auto& one : there)
      one.running = 0;
  }
  allocation::decision look() {
    driver_load load{there, pending, 0};
    for (const auto& one : there)
      load.running += one.running;
    auto made = machine.look(
        load, [this](executor_id id) { return std::find(holders.begin(), holders.end(), id) != holders.end(); }, now);
    if (made.target)
      targets.push_back(*made.target);
    for (const auto id : made.leaving)
      go(id);
    for (const auto id : made.dropped)
      go(id);
    return made;
  }
  void go(executor_id id) {
    const auto at = std::ranges::find(there, id, &driver_load::one::executor);
    REQUIRE(at != there.end());
    CHECK(at->running == 0);
    gone.push_back(id);
    there.erase(at);
    CHECK(there.size() >= limits.executors_min);
  }
  void run(duration time) {
    for (const auto end = now + time; now < end; now += 100ms) {
      look();
      grant(machine.target());
      place();
    }
  }

  allocation_options limits;
  allocation machine;
  std::vector<driver_load::one> there;
  std::vector<executor_id> holders;
  std::vector<executor_id> gone;
  std::vector<std::uint32_t> targets;
  std::uint32_t pending = 0;
  std::uint32_t next = 0;
  time_point now{std::chrono::hours(1)};
};

using numbers = std::vector<std::uint32_t>;

} // namespace

TEST_CASE("more executors are asked for while tasks wait: 1, 2, 4, 8 at a time, until all tasks could run") {
  application one(application::options());
  one.pending = 40; // twenty executors
  one.run(900ms);
  CHECK(one.targets.empty());
  one.run(5s);
  CHECK(one.targets == numbers{1, 3, 7, 15, 20});
  CHECK(one.pending == 0);
}

TEST_CASE("no more executors are asked for than are allowed, and a part of them with a ratio") {
  auto options = application::options();
  SUBCASE("at most") {
    options.executors_max = 5;
  }
  SUBCASE("a ratio") {
    options.ratio = 0.25;
  }
  application one(options);
  one.pending = 40;
  one.run(20s);
  CHECK(one.machine.target() == 5);
}

TEST_CASE("a short backlog asks for nobody, and each backlog begins with one executor") {
  auto options = application::options();
  options.executors_initial = 1;
  application one(options);
  one.pending = 3;
  one.run(500ms);
  one.pending = 0;
  one.run(2s);
  CHECK(one.targets.empty());
  one.pending = 20;
  one.run(1500ms);
  CHECK(one.targets == numbers{2});
}

TEST_CASE("idle executors are given up after a while, as far as the minimum and what is wanted allow") {
  auto options = application::options();
  options.executors_min = 2;
  options.executors_initial = 2;
  application one(options);
  one.pending = 20;
  one.run(10s);
  REQUIRE(one.there.size() == 10);
  one.there[3].running = 0;
  SUBCASE("while others work, none is given up that tasks could need") {
    one.finish_all();
    one.there[0].running = 1;
    one.run(61s);
    CHECK(one.there.size() == 2);
    CHECK(std::ranges::count(one.gone, executor_id{0}) == 0);
  }
  SUBCASE("down to the minimum") {
    one.finish_all();
    one.run(59s);
    CHECK(one.gone.empty());
    one.run(2s);
    CHECK(one.there.size() == 2);
    CHECK(one.machine.target() == 2);
  }
}

TEST_CASE("the executors of the beginning stay until something has run, or they were idle for long") {
  auto options = application::options();
  options.executors_initial = 4;
  application one(options);
  one.run(30s);
  CHECK(one.machine.target() == 4);
  one.run(31s);
  CHECK(one.machine.target() == 0);
  CHECK(one.there.empty());
}

TEST_CASE("an executor whose blocks nobody takes stays, and goes with them only when that is allowed") {
  auto options = application::options();
  options.executors_initial = 2;
  SUBCASE("for ever by default") {}
  SUBCASE("for a time") {
    options.cached_idle_timeout = 300s;
  }
  SUBCASE("the same without hand-over") {
    options.hands_over = false;
    options.cached_idle_timeout = 300s;
  }
  application one(options);
  one.holders = {executor_id{0}};
  if (options.hands_over) {
    // It was asked to leave, and could not.
    one.machine.stays(executor_id{0});
  }
  one.run(200s);
  REQUIRE(one.there.size() == 1);
  CHECK(one.there[0].executor == executor_id{0});
  one.run(200s);
  CHECK(one.there.empty() == options.cached_idle_timeout.has_value());
}

TEST_CASE("executors that work are never given up, however little is wanted") {
  application one(application::options());
  one.pending = 8;
  one.run(10s);
  REQUIRE(one.there.size() == 4);
  for (auto& each : one.there)
    each.running = 1;
  one.run(300s);
  CHECK(one.gone.empty());
  CHECK(one.machine.target() == 2);
}
