#include <salamander/scheduler/cluster/roster.hpp>

#include <doctest/doctest.h>

#include <algorithm>

namespace {

using namespace std::chrono_literals;
using namespace salamander::scheduler;
using namespace salamander::scheduler::cluster;
using salamander::errc;

constexpr time_point start{std::chrono::hours(1)};

granted_executor grant(std::uint32_t number, std::uint64_t incarnation = 0) {
  granted_executor one;
  one.executor = number;
  one.incarnation = incarnation == 0 ? 7000 + number : incarnation;
  one.worker = "worker-a-1";
  one.host = "10.0.0.1";
  one.cores = 2;
  return one;
}

granted_executor ended(std::uint32_t number, process_end how, std::string reason) {
  auto one = grant(number);
  one.state = process_state::ended;
  one.end = how;
  one.reason = std::move(reason);
  return one;
}

struct driver {
  explicit driver(const roster::limits& bounds = limits()) : decisions(bounds, "t", start) {
    feed(roster::master_found{});
  }

  static roster::limits limits() {
    roster::limits made;
    made.protocol = 4;
    return made;
  }

  void feed(const roster::event& what) {
    for (auto& one : decisions.handle(what, now))
      all.push_back(std::move(one));
  }
  void grants(std::vector<granted_executor> executors, std::uint64_t term = 1) {
    application_grants what;
    what.term = term;
    what.id = "app-1";
    what.executors = std::move(executors);
    feed(roster::granted{std::move(what)});
  }
  void registers(std::uint32_t number, std::uint64_t incarnation = 0) {
    feed(roster::executor_registered{{number}, incarnation == 0 ? 7000 + number : incarnation, 100 + number, 4, 2, ""});
  }
  void wait(duration time) {
    now += time;
    feed(roster::tick{});
  }

  template <class Action>
  std::vector<Action> take() {
    std::vector<Action> found;
    std::erase_if(all, [&](const roster::action& one) {
      const auto* const fits = std::get_if<Action>(&one);
      if (fits)
        found.push_back(*fits);
      return fits != nullptr;
    });
    return found;
  }
  application_report last_report() {
    const auto reports = take<roster::send_report>();
    REQUIRE_FALSE(reports.empty());
    return reports.back().what;
  }

  time_point now = start;
  roster decisions;
  std::vector<roster::action> all;
};

} // namespace

TEST_CASE("an executor is admitted once it was granted and has registered, whichever came first") {
  driver it;
  it.grants({grant(0)});
  CHECK(it.take<roster::admit>().empty());
  it.registers(0);
  CHECK(it.take<roster::admit>().size() == 1);
  CHECK(it.take<roster::manned>().size() == 1);
  it.registers(1); // faster than its grant
  CHECK(it.take<roster::admit>().empty());
  it.grants({grant(0), grant(1)});
  const auto admitted = it.take<roster::admit>();
  REQUIRE(admitted.size() == 1);
  CHECK(admitted[0].executor.value == 1);
  CHECK(admitted[0].host == "10.0.0.1");
  CHECK(it.decisions.cores() == 4);
}

TEST_CASE("strangers and second processes are refused, an executor that did not hear its welcome is welcomed again") {
  driver it;
  it.grants({grant(0)});
  it.registers(0, 1);
  CHECK(it.take<roster::refuse>().size() == 1);
  it.registers(0);
  CHECK(it.take<roster::admit>().size() == 1);
  it.registers(0);
  CHECK(it.take<roster::welcome_again>().size() == 1);
  it.feed(roster::executor_registered{{0}, 7000, 999, 4, 2, ""});
  CHECK(it.take<roster::refuse>().size() == 1);
  it.registers(5, 1); // waits for a grant, which is for another incarnation
  it.grants({grant(0), grant(5)});
  CHECK(it.take<roster::refuse>().size() == 1);
  CHECK(it.take<roster::admit>().empty());
}

TEST_CASE("an executor that registers again over another connection is welcomed as who it is, until it is buried") {
  driver it;
  it.grants({grant(0)});
  it.registers(0);
  it.take<roster::admit>();
  for (int i = 0; i < 3; ++i) {
    it.registers(0);
    CHECK(it.take<roster::welcome_again>().size() == 1);
  }
  CHECK(it.take<roster::admit>().empty());
  CHECK(it.decisions.cores() == 2);
  it.feed(roster::link_lost{{0}, "its connection broke 5.0 s ago, and it has made no other", false});
  REQUIRE(it.take<roster::bury>().size() == 1);
  it.registers(0);
  CHECK(it.take<roster::welcome_again>().empty());
  const auto refused = it.take<roster::refuse>();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].text == "this driver had given it up");
}

TEST_CASE("an executor of another build ends the start with the reason") {
  driver it;
  it.grants({grant(0)});
  it.feed(roster::executor_registered{{0}, 7000, 100, 4, 2, "another build"});
  const auto over = it.take<roster::given_up>();
  REQUIRE(over.size() == 1);
  CHECK(over[0].code == errc::build_mismatch);
  CHECK(over[0].text == "another build");
}

TEST_CASE("an executor whose connection ended is buried with what its worker says of its end") {
  driver it;
  it.grants({grant(0)});
  it.registers(0);
  it.feed(roster::link_lost{{0}, "its connection ended", true});
  CHECK(it.take<roster::bury>().empty());
  it.wait(100ms);
  it.grants({ended(0, process_end::failed, "killed by signal 9 (Killed)")});
  const auto buried = it.take<roster::bury>();
  REQUIRE(buried.size() == 1);
  CHECK(buried[0].reason == "killed by signal 9 (Killed)");
  CHECK(buried[0].was_admitted);
  CHECK(it.last_report().buried == std::vector<std::uint32_t>{0});
  it.grants({}); // the master has forgotten it
  it.wait(1s);
  CHECK(it.last_report().buried.empty());
  CHECK(it.decisions.cores() == 0);
}

TEST_CASE("nobody says how an executor ended: it is buried after the grace, and the master is asked to end it") {
  driver it;
  it.grants({grant(0)});
  it.registers(0);
  CHECK(it.take<roster::admit>().size() == 1);
  it.feed(roster::link_lost{{0}, "its connection ended", true});
  it.wait(2s);
  const auto buried = it.take<roster::bury>();
  REQUIRE(buried.size() == 1);
  CHECK(buried[0].reason == "its connection ended");
  CHECK(it.last_report().released == std::vector<std::uint32_t>{0});
  it.registers(0);
  CHECK(it.take<roster::admit>().empty());
  CHECK(it.take<roster::refuse>().size() == 1);
}

TEST_CASE("a silent executor is buried at once: its worker may be cut off as well") {
  driver it;
  it.grants({grant(0)});
  it.registers(0);
  it.feed(roster::link_lost{{0}, "silent for 5 s", false});
  CHECK(it.take<roster::bury>().size() == 1);
  it.grants({ended(0, process_end::killed, "killed")});
  CHECK(it.take<roster::bury>().empty()); // once
}

TEST_CASE("an executor that was buried stays so when a new master hears of it again, and is asked to end") {
  driver it;
  it.grants({grant(0)});
  it.registers(0);
  it.feed(roster::link_lost{{0}, "silent for 5.0 s", false});
  REQUIRE(it.take<roster::bury>().size() == 1);
  it.grants({}); // its worker is dead for this master
  it.take<roster::admit>();
  it.grants({grant(0)}, 2); // the worker was only cut off, and comes to another one
  it.registers(0);
  CHECK(it.take<roster::admit>().empty());
  CHECK(it.take<roster::refuse>().size() == 1);
  it.wait(1s);
  CHECK(it.last_report().released == std::vector<std::uint32_t>{0});
}

TEST_CASE("grants of a former master and of one that recovers change nothing") {
  driver it;
  it.grants({grant(0)}, 5);
  it.registers(0);
  it.take<roster::admit>();
  it.grants({ended(0, process_end::worker_lost, "")}, 4);
  CHECK(it.take<roster::bury>().empty());
  application_grants recovering;
  recovering.term = 6;
  recovering.recovering = true;
  recovering.introduce = true;
  it.take<roster::send_report>();
  it.feed(roster::granted{recovering});
  CHECK(it.take<roster::bury>().empty());
  const auto reports = it.take<roster::send_report>();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].introduce);
}

TEST_CASE("another master is looked for when one is lost or silent, and hears everything again") {
  driver it;
  it.grants({grant(0)});
  it.feed(roster::master_lost{});
  CHECK(it.take<roster::seek_master>().size() == 1);
  it.take<roster::send_report>();
  it.wait(5s);
  CHECK(it.take<roster::send_report>().empty()); // to nobody
  it.feed(roster::master_found{});
  auto reports = it.take<roster::send_report>();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].introduce);
  CHECK(reports[0].what.id == "app-1");
  it.wait(1s);
  it.wait(1s);
  it.wait(1s);
  CHECK(it.take<roster::seek_master>().size() == 1);
}

TEST_CASE("a cluster that cannot be joined, or ends the application, gives up once with the reason") {
  driver it;
  it.wait(61s);
  const auto over = it.take<roster::given_up>();
  REQUIRE(over.size() == 1);
  CHECK(over[0].code == errc::no_executors);
  it.wait(61s);
  CHECK(it.take<roster::given_up>().empty());
  driver other;
  application_grants what;
  what.term = 1;
  what.ended = "killed by alice";
  other.feed(roster::granted{what});
  other.feed(roster::granted{what});
  const auto ended_by = other.take<roster::given_up>();
  REQUIRE(ended_by.size() == 1);
  CHECK(ended_by[0].text.find("killed by alice") != std::string::npos);
}

TEST_CASE("people are told, now and then, that jobs wait for executors") {
  driver it;
  it.grants({});
  for (int i = 0; i < 31; ++i)
    it.wait(1s);
  const auto told = it.take<notice>();
  CHECK(told.size() == 2);
}

TEST_CASE("at the end executors are asked to leave, and what they say afterwards changes nothing") {
  driver it;
  it.grants({grant(0), grant(1)});
  it.registers(0);
  it.feed(roster::stop{});
  CHECK(it.take<roster::ask_to_leave>().size() == 1);
  it.take<roster::send_report>();
  it.registers(1);
  it.wait(5s);
  CHECK(it.take<roster::send_report>().empty());
  CHECK(it.take<roster::admit>().size() == 1); // the first one's, from before
}

TEST_CASE("an executor whose worker leaves is said to leave, once, when it is admitted") {
  driver it;
  auto leaving = grant(0);
  leaving.leaving = true;
  it.grants({leaving, grant(1)});
  it.registers(1);
  CHECK(it.take<roster::leaves>().empty());
  it.registers(0);
  const auto said = it.take<roster::leaves>();
  REQUIRE(said.size() == 1);
  CHECK(said[0].executor.value == 0);
  it.grants({leaving, grant(1)});
  CHECK(it.take<roster::leaves>().empty());
}

TEST_CASE("an executor that has handed over what it held is released, and not called killed") {
  driver it;
  it.grants({grant(0), grant(1)});
  it.registers(0);
  it.registers(1);
  it.take<roster::send_report>();
  it.feed(roster::unwanted{{0}, "idle; 3 blocks handed over", true});
  const auto dead = it.take<roster::bury>();
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].reason == "idle; 3 blocks handed over");
  CHECK(it.last_report().released == std::vector<std::uint32_t>{0});
}

TEST_CASE("the master is told at once how many executors are wanted, and nobody is told that none come when none are wanted") {
  auto limits = driver::limits();
  limits.executors_wanted = 0;
  driver it(limits);
  CHECK(it.last_report().executors_max == 0);
  it.grants({});
  it.wait(limits.patience);
  CHECK(it.take<notice>().empty());
  it.feed(roster::master_found{});
  it.take<roster::send_report>();
  it.feed(roster::wanted{3});
  CHECK(it.last_report().executors_max == 3);
  it.feed(roster::wanted{3});
  CHECK(it.take<roster::send_report>().empty());
}
