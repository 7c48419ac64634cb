#include <salamander/scheduler/executor_session.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using namespace salamander::scheduler;

namespace {

using driver_end = executor_session<int, int>;
using executor_end = driver_session<int, int>;

constexpr std::uint64_t incarnation = 99;

/// A driver and an executor with a link that works unless the test says otherwise.
struct connected {
  connected() {
    executor_does(executor_end::welcomed{});
  }

  void driver_does(driver_end::event what) {
    for (auto& one : driver.handle(std::move(what), now))
      std::visit([this](auto& action) { driver_performs(action); }, one);
  }
  void executor_does(executor_end::event what) {
    for (auto& one : executor.handle(std::move(what), now))
      std::visit([this](auto& action) { executor_performs(action); }, one);
  }
  void order(int what) {
    driver_does(driver_end::order_given{what, 1});
  }
  void report(int what) {
    executor_does(executor_end::report_given{what, 1});
  }
  /// The driver looks every 250 ms, the executor beats every second.
  void pass(std::chrono::milliseconds time, bool executor_runs = true) {
    for (const auto end = now + time; now < end;) {
      now += 250ms;
      if (executor_runs && (now.time_since_epoch() % 1s) == duration::zero())
        executor_does(executor_end::beat_due{});
      driver_does(driver_end::tick{});
    }
  }

  /// From now on nothing arrives.
  void breaks() {
    to_executor = false;
    to_driver = false;
  }
  void both_notice() {
    executor_does(executor_end::connection_lost{});
    driver_does(driver_end::connection_lost{});
  }
  /// The executor has registered again, and is welcomed.
  void is_made_again() {
    to_executor = true;
    to_driver = true;
    executor_does(executor_end::welcomed{});
    driver_does(driver_end::connection_made{});
  }

  void driver_performs(driver_end::send_parcel& one) {
    ++messages;
    again += one.again ? 1 : 0;
    if (to_executor)
      executor_does(executor_end::parcel_arrived{one.what, 1});
  }
  void driver_performs(driver_end::send_state& one) {
    ++messages;
    ++states;
    if (to_executor)
      executor_does(executor_end::state_arrived{one.incarnation, one.state});
  }
  void driver_performs(driver_end::deliver& one) {
    reports.push_back(one.message);
  }
  void driver_performs(driver_end::answer_beat& one) {
    ++beats_accepted;
    if (to_executor)
      executor_does(executor_end::state_arrived{incarnation, one.state});
  }
  void driver_performs(driver_end::suspected&) {
    health.emplace_back("suspect");
  }
  void driver_performs(driver_end::recovered&) {
    health.emplace_back("alive");
  }
  void driver_performs(driver_end::ended& one) {
    ends.push_back(one.why);
  }
  void driver_performs(driver_end::refuse& one) {
    refused.push_back(one.tell_to_leave);
  }

  void executor_performs(executor_end::send_parcel& one) {
    ++messages;
    if (to_driver)
      driver_does(driver_end::parcel_arrived{one.what, 1});
  }
  void executor_performs(executor_end::send_state& one) {
    ++messages;
    ++states;
    if (to_driver)
      driver_does(driver_end::state_arrived{one.incarnation, one.state});
  }
  void executor_performs(executor_end::deliver& one) {
    orders.push_back(one.message);
  }
  void executor_performs(executor_end::send_beat& one) {
    if (to_driver)
      driver_does(driver_end::beat_arrived{incarnation, one.sequence, one.state});
  }
  void executor_performs(executor_end::refuse&) {
    ++foreign;
  }
  void executor_performs(executor_end::leave& one) {
    left.push_back(one.reason);
  }

  time_point now{1000s};
  driver_end driver{incarnation, {}, now};
  executor_end executor{incarnation, {}, now};
  bool to_executor = true;
  bool to_driver = true;
  std::vector<int> orders;
  std::vector<int> reports;
  std::vector<std::string> health;
  std::vector<session_end> ends;
  std::vector<bool> refused;
  std::vector<std::string> left;
  int beats_accepted = 0;
  int messages = 0;
  int states = 0;
  int again = 0;
  int foreign = 0;
};

} // namespace

TEST_CASE("orders and reports pass, and heartbeats confirm them without a message of their own") {
  connected it;
  it.order(1);
  it.order(2);
  it.report(3);
  CHECK(it.orders == std::vector<int>{1, 2});
  CHECK(it.reports == std::vector<int>{3});
  it.pass(2s);
  CHECK(it.messages == 3);
  CHECK(it.driver.line().unconfirmed() == 0);
  CHECK(it.executor.line().unconfirmed() == 0);
  CHECK(it.beats_accepted == 2);
  CHECK(it.health.empty());
}

TEST_CASE("nothing is sent before the executor is welcomed, and reports wait") {
  executor_end executor(incarnation, {}, time_point{1000s});
  CHECK(executor.handle(executor_end::report_given{5, 1}, time_point{1000s}).empty());
  CHECK(executor.handle(executor_end::beat_due{}, time_point{1001s}).empty());
  CHECK_FALSE(executor.takes_reports());
  const auto actions = executor.handle(executor_end::welcomed{}, time_point{1001s});
  REQUIRE(actions.size() == 1);
  CHECK(std::get<executor_end::send_parcel>(actions[0]).what.message == 5);
  CHECK(executor.takes_reports());
}

TEST_CASE("an order is a welcome when the welcome itself was lost") {
  executor_end executor(incarnation, {}, time_point{1000s});
  const auto actions = executor.handle(executor_end::parcel_arrived{{incarnation, 1, {1, 0, 0, 0}, 7}, 1}, time_point{1000s});
  CHECK(executor.is_welcomed());
  REQUIRE(actions.size() == 1);
  CHECK(std::get<executor_end::deliver>(actions[0]).message == 7);
}

TEST_CASE("lost orders and reports arrive with the next heartbeats") {
  connected it;
  it.to_executor = it.to_driver = false;
  it.order(1);
  it.report(2);
  it.to_executor = it.to_driver = true;
  CHECK(it.orders.empty());
  it.pass(2s);
  CHECK(it.orders == std::vector<int>{1});
  CHECK(it.reports == std::vector<int>{2});
  CHECK(it.again >= 1);
  CHECK(it.ends.empty());
}

TEST_CASE("silence makes an executor suspect after 3 s and ends the session after 5 s") {
  connected it;
  it.pass(2750ms, false);
  CHECK(it.health.empty());
  it.pass(250ms, false);
  CHECK(it.health == std::vector<std::string>{"suspect"});
  it.pass(2s, false);
  REQUIRE(it.ends.size() == 1);
  CHECK(it.ends[0].why == session_end::cause::silent);
  CHECK(it.ends[0].text == "silent for 5.0 s");
  CHECK(it.driver.over());
  it.pass(10s, false);
  CHECK(it.ends.size() == 1);
}

TEST_CASE("a suspect executor that speaks again is used again") {
  connected it;
  it.pass(4s, false);
  it.report(1);
  CHECK(it.health == std::vector<std::string>{"suspect", "alive"});
  CHECK(it.reports == std::vector<int>{1});
}

TEST_CASE("an executor that beats but does not confirm its orders is given up") {
  connected it;
  it.to_executor = false;
  it.order(1);
  it.pass(9750ms);
  CHECK(it.ends.empty());
  it.pass(500ms);
  REQUIRE(it.ends.size() == 1);
  CHECK(it.ends[0].why == session_end::cause::deaf);
  CHECK(it.ends[0].text.find("not confirmed an order for 10") != std::string::npos);
}

TEST_CASE("a driver that was stopped itself blames nobody for unconfirmed orders") {
  connected it;
  it.to_executor = false;
  it.order(1);
  it.pass(1s);
  it.now += 60s;
  it.driver_does(driver_end::tick{});
  CHECK(it.ends.empty());
  it.to_executor = true;
  it.pass(3s);
  CHECK(it.orders == std::vector<int>{1});
  CHECK(it.ends.empty());
}

TEST_CASE("after its end a session refuses everything and tells its executor to leave") {
  connected it;
  it.pass(5s, false);
  REQUIRE(it.ends.size() == 1);
  it.report(1);
  it.executor_does(executor_end::beat_due{});
  CHECK(it.reports.empty());
  CHECK(it.beats_accepted == 0);
  CHECK(it.refused == std::vector<bool>{true, true});
  it.order(2);
  CHECK(it.orders.empty());
}

TEST_CASE("a fenced session refuses without reporting an end") {
  connected it;
  it.driver_does(driver_end::fenced{});
  it.report(1);
  it.pass(6s, false);
  CHECK(it.refused == std::vector<bool>{true});
  CHECK(it.ends.empty());
}

TEST_CASE("messages of another incarnation are refused without telling anybody to leave") {
  connected it;
  it.driver_does(driver_end::parcel_arrived{{98, 1, {1, 0, 0, 0}, 5}, 1});
  it.driver_does(driver_end::beat_arrived{98, 1, {}});
  it.driver_does(driver_end::state_arrived{98, {}});
  CHECK(it.refused == std::vector<bool>{false, false, false});
  CHECK(it.reports.empty());
  it.executor_does(executor_end::parcel_arrived{{98, 1, {1, 0, 0, 0}, 5}, 1});
  it.executor_does(executor_end::state_arrived{98, {}});
  CHECK(it.foreign == 2);
  CHECK(it.orders.empty());
}

// -- connections that break ---------------------------------------------------

TEST_CASE("a connection that breaks ends nothing: what it lost is sent again at once over the next one, and nothing twice") {
  connected it;
  it.order(1);
  it.report(6);
  it.breaks(); // before either end has noticed
  it.order(2);
  it.report(7);
  it.both_notice();
  const auto sent = it.messages;
  it.order(3);
  it.report(8);
  it.pass(2500ms);
  CHECK(it.messages == sent); // nobody speaks into the void
  it.is_made_again();
  CHECK(it.orders == std::vector<int>{1, 2, 3});
  CHECK(it.reports == std::vector<int>{6, 7, 8});
  CHECK(it.health.empty());
  it.pass(20s);
  CHECK(it.ends.empty());
  CHECK(it.left.empty());
  CHECK(it.driver.line().unconfirmed() == 0);
  CHECK(it.executor.line().unconfirmed() == 0);
}

TEST_CASE("an executor whose connection broke is suspected after 3 s, and used again when it comes back") {
  connected it;
  it.breaks();
  it.both_notice();
  it.order(1);
  it.pass(4s);
  CHECK(it.health == std::vector<std::string>{"suspect"});
  it.is_made_again();
  CHECK(it.health == std::vector<std::string>{"suspect", "alive"});
  CHECK(it.orders == std::vector<int>{1});
}

TEST_CASE("an executor that makes no other connection is given up after 5 s, and told to leave when it does later") {
  connected it;
  it.breaks();
  it.both_notice();
  it.pass(6s);
  REQUIRE(it.ends.size() == 1);
  CHECK(it.ends[0].why == session_end::cause::silent);
  CHECK(it.ends[0].text.find("its connection broke 5.0 s ago") == 0);
  it.order(1);
  it.is_made_again();
  CHECK(it.refused == std::vector<bool>{true});
  CHECK(it.orders.empty());
}

TEST_CASE("an executor whose driver cannot be reached waits for it as long as for a silent one") {
  connected it;
  it.breaks();
  it.both_notice();
  it.pass(9s);
  CHECK(it.left.empty());
  it.pass(2s);
  CHECK(it.left.size() == 1);
}

TEST_CASE("only one end may notice that the connection broke: the other hears of the next one and goes on") {
  connected it;
  it.breaks();
  it.order(1);
  it.executor_does(executor_end::connection_lost{});
  it.report(6);
  it.is_made_again();
  CHECK(it.orders == std::vector<int>{1});
  CHECK(it.reports == std::vector<int>{6});
}

TEST_CASE("an executor that is not there any more ends the session at once, and only once") {
  connected it;
  it.driver_does(driver_end::disconnected{});
  it.driver_does(driver_end::disconnected{});
  REQUIRE(it.ends.size() == 1);
  CHECK(it.ends[0].why == session_end::cause::disconnected);
}

TEST_CASE("an executor that confirms what was never sent is given up") {
  connected it;
  it.driver_does(driver_end::state_arrived{incarnation, {0, 5, 0, 5}});
  REQUIRE(it.ends.size() == 1);
  CHECK(it.ends[0].why == session_end::cause::broken);
  it.executor_does(executor_end::state_arrived{incarnation, {0, 5, 0, 5}});
  CHECK(it.left.size() == 1);
}

TEST_CASE("more orders than may wait end the session") {
  driver_end::limits limits;
  limits.channel.window_messages = 1;
  limits.channel.waiting_messages_max = 2;
  driver_end driver(incarnation, limits, time_point{1000s});
  std::vector<driver_end::action> last;
  for (int i = 0; i < 4; ++i) {
    CHECK_FALSE(driver.over());
    last = driver.handle(driver_end::order_given{i, 1}, time_point{1000s});
  }
  REQUIRE(last.size() == 1);
  CHECK(std::get<driver_end::ended>(last[0]).why.why == session_end::cause::overloaded);
}

TEST_CASE("an executor leaves when its driver was silent for too long, but not when it was stopped itself") {
  connected it;
  it.to_driver = false;
  it.pass(9s);
  CHECK(it.left.empty());
  it.now += 100s;
  it.executor_does(executor_end::beat_due{});
  CHECK(it.left.empty());
  it.pass(2s);
  REQUIRE(it.left.size() == 1);
  CHECK(it.left[0].find("silent") != std::string::npos);
  CHECK(it.executor.over());
  const auto before = it.messages;
  it.report(1);
  CHECK(it.messages == before);
}
