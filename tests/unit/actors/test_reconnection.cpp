#include "link_fixture.hpp"

#include <salamander/actors/log.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace simulation;
using namespace std::chrono_literals;
using salamander::testing::direction;

namespace {

message_fate unharmed(std::uint32_t, direction, const char*, scheduler::time_point) {
  return {};
}

/// Without a line for each of thousands of connections.
struct quiet_log {
  quiet_log() {
    set_log_level(log_level::off);
  }
  ~quiet_log() {
    set_log_level(log_level::warn);
  }
};

} // namespace

TEST_CASE("an executor whose connection breaks registers again and goes on where it was") {
  lossy it(unharmed);
  order_tasks(it, 1, 10);
  it.break_connection();
  CHECK_FALSE(it.contact->wait()); // its process shall make another one
  order_tasks(it, 11, 20);
  CHECK(it.seen->tasks == numbers_up_to(10)); // those wait
  it.connect_again();
  CHECK(it.registrations == 2);
  CHECK(it.seen->tasks == numbers_up_to(20));
  order_tasks(it, 21, 30);
  it.pass(20s);
  CHECK(it.seen->tasks == numbers_up_to(30));
  CHECK(it.seen->tokens == numbers_up_to(30, 10));
  CHECK(it.seen->lost.empty());
  CHECK(*it.refused == 0);
}

TEST_CASE("messages survive connections that break again and again while others are lost, repeated and late") {
  const quiet_log quiet;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto percent = random() % 10;
    lossy it([&](std::uint32_t, direction, const char*, scheduler::time_point) {
      message_fate fate;
      fate.lost = random() % 100 < percent;
      fate.twice = random() % 100 < percent;
      fate.delay = std::chrono::milliseconds(random() % 100 < 30 ? random() % 200 : 0);
      return fate;
    });
    it.pass(2s);
    order_tasks(it, 1, 100, [&] {
      if (random() % 20 != 0)
        return;
      it.break_connection();
      it.pass(std::chrono::milliseconds(random() % 300), 10ms);
      it.connect_again();
    });
    it.pass(20s);
    CHECK(it.seen->lost == std::vector<std::string>());
    CHECK(it.seen->tasks == numbers_up_to(100));
    CHECK(it.seen->tokens == numbers_up_to(100, 10));
    CHECK(*it.refused == 0);
  }
}

TEST_CASE("a registration that is lost with the next connection, too, is repeated") {
  lossy it(unharmed);
  order_tasks(it, 1, 5);
  for (int i = 0; i < 3; ++i) {
    it.break_connection();
    it.connect_again();
  }
  order_tasks(it, 6, 10);
  CHECK(it.seen->tasks == numbers_up_to(10));
  CHECK(it.seen->lost.empty());
}

TEST_CASE("an executor that makes no other connection is given up when it has been silent for too long, and leaves when it comes then") {
  lossy it(unharmed);
  it.break_connection();
  it.pass(4s);
  CHECK(it.seen->lost.empty());
  it.pass(2s);
  REQUIRE(it.seen->lost.size() == 1);
  CHECK(it.seen->lost[0].find("its connection broke 5.") == 0);
  CHECK_FALSE(it.seen->connection_ended[0]);
  it.connect_again();
  CHECK(it.contact->wait().value().text == "the driver had given this executor up");
  CHECK(*it.refused >= 1);
}

TEST_CASE("an executor that hears nothing of its driver over any connection ends by itself") {
  lossy it(unharmed);
  it.break_connection();
  it.pass(9s);
  CHECK_FALSE(it.contact->ends_within(0ms));
  it.pass(3s);
  REQUIRE(it.contact->ends_within(0ms));
  CHECK(it.contact->wait().value().exit_code == exit_driver_gone);
}

TEST_CASE("an executor that is asked to leave is not waited for when its connection ends") {
  lossy it(unharmed);
  it.tell(it.link, leave{"the application ends"});
  it.break_connection();
  REQUIRE(it.seen->lost.size() == 1);
  CHECK(it.seen->connection_ended[0]);
}

TEST_CASE("while an executor has no connection, the link looks whether its process is there, and gives it up at once when it is not") {
  lossy it(unharmed);
  CHECK(it.looks.empty());
  it.break_connection();
  REQUIRE(it.looks.size() == 1);
  it.pass(1s);
  CHECK(it.looks.size() == 1); // one after the other
  it.looks[0](false);
  it.pass(500ms);
  REQUIRE(it.looks.size() == 2);
  it.looks[1](true);
  it.run();
  REQUIRE(it.seen->lost.size() == 1);
  CHECK(it.seen->lost[0] == "the connection ended, and its process is not there");
  CHECK(it.seen->connection_ended[0]);
  it.pass(5s);
  CHECK(it.looks.size() == 2);
}

TEST_CASE("what a look finds counts no more when the executor has come back") {
  lossy it(unharmed);
  it.break_connection();
  it.connect_again();
  REQUIRE(it.looks.size() == 1);
  it.looks[0](true);
  it.pass(1s);
  CHECK(it.seen->lost.empty());
}
