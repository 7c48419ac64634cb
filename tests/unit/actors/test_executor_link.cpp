#include "link_fixture.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace simulation;
using namespace std::chrono_literals;
using testing::direction;

namespace {

/// What the scheduler and the supervisor heard from a link.
struct heard {
  std::vector<std::string> silence;
  std::size_t reports = 0;
  std::vector<link_lost> lost;
};

struct linked : actor_simulation {
  linked() {
    remote = spawn_script(system(), script);
    scheduler = test_support::spawn_scripted<scheduler_actor>(
        system(), [seen = seen](const tasks_reported& message) { seen->reports += message.reports.size(); },
        [seen = seen](const executor_silent& message) { seen->silence.push_back(message.silent ? "suspect" : "alive"); });
    supervisor = test_support::spawn_scripted<supervisor_actor>(system(),
                                                                [seen = seen](const link_lost& message) { seen->lost.push_back(message); });
    board->joined({7, 1, 100, true, "alive", 0, 0});
    link_setup setup;
    setup.executor = 7;
    setup.incarnation = 99;
    setup.remote = remote;
    setup.scheduler = scheduler;
    setup.supervisor = supervisor;
    setup.executors = board;
    setup.refused_messages = refused;
    link = spawn_link(system(), setup);
    run();
  }
  ~linked() {
    end(link);
    end(remote);
    end(scheduler);
    end(supervisor);
    script->link = nullptr;
  }
  void beat(std::uint64_t incarnation = 99) {
    tell(link, heartbeat{7, incarnation, ++beats, 1, 2, 3, {}});
  }
  void report(std::uint64_t incarnation = 99) {
    report_as(++reports, tasks_reported{7, incarnation, std::vector<task_report>(1), {}}, incarnation);
  }
  void report_as(std::uint64_t number, any_report what, std::uint64_t incarnation = 99) {
    tell(link, numbered_report{{incarnation, number, {number, 0, 0, 0}, std::make_shared<const any_report>(std::move(what))}});
  }

  const std::shared_ptr<executor_script> script = std::make_shared<executor_script>();
  const std::shared_ptr<heard> seen = std::make_shared<heard>();
  const std::shared_ptr<executor_board> board = std::make_shared<executor_board>();
  const std::shared_ptr<std::atomic<std::uint64_t>> refused = std::make_shared<std::atomic<std::uint64_t>>(0);
  executor_actor remote;
  scheduler_actor scheduler;
  supervisor_actor supervisor;
  executor_link link;
  std::uint64_t beats = 0;
  std::uint64_t reports = 0;
};

} // namespace

TEST_CASE("a link welcomes its executor and passes messages on in both directions") {
  linked it;
  CHECK(it.script->welcomed);
  it.tell(it.link, run_tasks{{{1, 2, 0, 3, 0, false}}});
  CHECK(it.script->tasks.size() == 1);
  it.report();
  CHECK(it.seen->reports == 1);
  it.beat();
  CHECK(it.script->acknowledged == 1);
}

TEST_CASE("an executor that beats in time is never suspected") {
  linked it;
  for (int i = 0; i < 60; ++i) {
    it.pass(1s);
    it.beat();
  }
  CHECK(it.seen->silence.empty());
  CHECK(it.seen->lost.empty());
}

TEST_CASE("silence makes an executor suspect after 3 s and lost after 5 s") {
  linked it;
  it.pass(2900ms);
  CHECK(it.seen->silence.empty());
  it.pass(400ms);
  CHECK(it.seen->silence == std::vector<std::string>{"suspect"});
  CHECK(it.board->all().at(0).state == "suspect");
  it.pass(1500ms);
  CHECK(it.seen->lost.empty());
  it.pass(500ms);
  REQUIRE(it.seen->lost.size() == 1);
  CHECK(it.seen->lost[0].executor == 7);
  CHECK_FALSE(it.seen->lost[0].connection_ended);
  CHECK(it.seen->lost[0].reason.find("silent for 5") == 0);
}

TEST_CASE("a suspect executor that speaks again is used again") {
  linked it;
  it.pass(4s);
  it.report();
  CHECK(it.seen->silence == std::vector<std::string>{"suspect", "alive"});
  CHECK(it.seen->reports == 1);
}

TEST_CASE("after an executor's death its late messages are refused, counted and answered with leave") {
  linked it;
  it.pass(6s);
  REQUIRE(it.seen->lost.size() == 1);
  it.beat();
  it.report();
  it.report_as(2, dataset_dropped{7, 99, 1});
  CHECK(*it.refused == 3);
  CHECK(it.seen->reports == 0);
  CHECK(it.script->left.size() == 3);
  it.tell(it.link, run_tasks{{{1, 2, 0, 3, 0, false}}});
  CHECK(it.script->tasks.empty());
  CHECK(it.seen->lost.size() == 1);
}

TEST_CASE("messages of another incarnation are refused") {
  linked it;
  it.report(98);
  it.beat(98);
  CHECK(*it.refused == 2);
  CHECK(it.seen->reports == 0);
  it.reports = 0;
  it.report();
  CHECK(it.seen->reports == 1);
}

TEST_CASE("an executor that goes down is reported lost at once") {
  linked it;
  it.end(it.remote);
  REQUIRE(it.seen->lost.size() == 1);
  CHECK(it.seen->lost[0].connection_ended);
}

TEST_CASE("a link told that its process is dead refuses from then on without reporting it") {
  linked it;
  it.tell(it.link, fence{});
  it.report();
  it.pass(6s);
  CHECK(*it.refused == 1);
  CHECK(it.seen->lost.empty());
}

// -- a link that loses messages, and a real executor behind it ----------------

TEST_CASE("orders and reports survive a network that loses, repeats and delays messages") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto percent = 5 + random() % 15; // few enough that five heartbeats in a row are never lost
    std::uint64_t faults = 0;
    {
      lossy it([&](std::uint32_t, direction, const char*, scheduler::time_point) {
        message_fate fate;
        fate.lost = random() % 100 < percent;
        fate.twice = random() % 100 < percent;
        fate.delay = std::chrono::milliseconds(random() % 100 < percent ? random() % 400 : 0);
        faults += fate.lost || fate.twice || fate.delay.count() > 0 ? 1 : 0;
        return fate;
      });
      it.pass(3s);
      order_tasks(it, 1, 100);
      it.pass(20s);
      CHECK(it.seen->lost == std::vector<std::string>());
      CHECK(it.seen->tasks == numbers_up_to(100));
      CHECK(it.seen->tokens == numbers_up_to(100, 10));
      CHECK(*it.refused == 0);
    }
    CHECK(faults > 20);
  }
}

TEST_CASE("without faults a task costs one message each way, and confirmations none") {
  std::map<std::string, int> sent;
  lossy it([&](std::uint32_t, direction, const char* name, scheduler::time_point) {
    ++sent[name];
    return message_fate{};
  });
  order_tasks(it, 1, 1000);
  CHECK(it.seen->tasks == numbers_up_to(1000));
  CHECK(sent["salamander.numbered_order"] == 1101);
  CHECK(sent["salamander.numbered_report"] == 1100);
  CHECK(sent["salamander.messages_seen"] == 0);
  CHECK(sent["salamander.heartbeat"] == sent["salamander.heartbeat_seen"]);
}

TEST_CASE("an executor whose welcome is lost registers again and is welcomed again") {
  int welcomes = 0;
  lossy it([&](std::uint32_t, direction, const char* name, scheduler::time_point) {
    message_fate fate;
    fate.lost = std::string_view(name) == welcome::wire_name && ++welcomes < 3;
    return fate;
  });
  CHECK(welcomes == 1);
  it.pass(3s);
  CHECK(welcomes == 3);
  CHECK(it.registrations == 3);
  order_tasks(it, 1, 10);
  CHECK(it.seen->tasks == numbers_up_to(10));
  CHECK(it.registrations == 3);
}

TEST_CASE("an executor that hears nothing although it is heard is given up after its orders' deadline") {
  bool cut = false;
  lossy it([&](std::uint32_t, direction way, const char*, scheduler::time_point) {
    message_fate fate;
    fate.lost = cut && way == direction::to_executor;
    return fate;
  });
  cut = true;
  it.tell(it.link, run_tasks{{{1, 1, 0, 0, 0, false}}});
  it.pass(9s);
  CHECK(it.seen->lost.empty());
  it.pass(2s);
  REQUIRE(it.seen->lost.size() == 1);
  CHECK(it.seen->lost[0].find("it has not confirmed an order for 10") == 0);
}

TEST_CASE("a message of a dead executor that was held back on its way is refused") {
  bool slow = false;
  lossy it([&](std::uint32_t, direction way, const char*, scheduler::time_point) {
    message_fate fate;
    fate.delay = std::chrono::milliseconds(slow && way == direction::from_executor ? 500 : 0);
    return fate;
  });
  slow = true;
  it.tell(it.link, run_tasks{{{1, 1, 0, 0, 0, false}}});
  it.tell(it.link, fence{});
  it.pass(1s);
  CHECK(it.seen->tasks.empty());
  CHECK(*it.refused >= 1);
}
