#include <salamander/scheduler/executor_monitor.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using salamander::scheduler::executor_monitor;
using salamander::scheduler::time_point;
using health = executor_monitor::health;

namespace {

struct watched {
  time_point now{1000s};
  executor_monitor monitor{executor_monitor::limits{3s, 5s, 1s}, now};

  /// Lets time pass in ticks of 250 ms; returns the last change of health.
  std::optional<health> pass(std::chrono::milliseconds time) {
    std::optional<health> last;
    for (const auto end = now + time; now < end;) {
      now += 250ms;
      if (auto change = monitor.tick(now))
        last = change;
    }
    return last;
  }
};

} // namespace

TEST_CASE("a silent executor is suspect after 3 s and dead after 5 s") {
  watched it;
  CHECK_FALSE(it.pass(2750ms));
  CHECK(it.pass(250ms) == health::suspect);
  CHECK_FALSE(it.pass(1750ms));
  CHECK(it.pass(250ms) == health::dead);
  CHECK(it.monitor.dead());
}

TEST_CASE("a suspect executor that speaks again is alive") {
  watched it;
  it.pass(4s);
  CHECK(it.monitor.state() == health::suspect);
  CHECK(it.monitor.heard(it.now) == health::alive);
  CHECK_FALSE(it.pass(2750ms));
  CHECK(it.pass(250ms) == health::suspect);
}

TEST_CASE("an executor that speaks in time never changes its health") {
  watched it;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(it.pass(1s));
    CHECK_FALSE(it.monitor.heard(it.now));
  }
}

TEST_CASE("a dead executor stays dead whatever arrives") {
  watched it;
  it.pass(5s);
  CHECK(it.monitor.dead());
  CHECK_FALSE(it.monitor.heard(it.now));
  CHECK_FALSE(it.pass(10s));
  CHECK(it.monitor.dead());
}

TEST_CASE("a lost connection is a death at once, and only once") {
  watched it;
  CHECK(it.monitor.disconnected());
  CHECK(it.monitor.dead());
  CHECK_FALSE(it.monitor.disconnected());
}

TEST_CASE("a watcher that was stopped does not blame the executor") {
  watched it;
  it.pass(1s);
  it.now += 60s;
  CHECK_FALSE(it.monitor.tick(it.now));
  CHECK_FALSE(it.pass(1750ms));
  CHECK(it.pass(250ms) == health::suspect);
}

TEST_CASE("messages that waited while the watcher was stopped count from when they are read") {
  watched it;
  it.pass(2s);
  it.now += 60s;
  CHECK_FALSE(it.monitor.heard(it.now));
  CHECK_FALSE(it.monitor.tick(it.now));
  CHECK_FALSE(it.pass(2750ms));
  CHECK(it.pass(250ms) == health::suspect);
}
