#include "../../support/actor_simulation.hpp"

#include <salamander/actors/executor_link.hpp>

#include <doctest/doctest.h>

using namespace simulation;
using namespace std::chrono_literals;

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
    scheduler = system().spawn([seen = seen](scheduler_actor::pointer) -> scheduler_actor::behavior_type {
      return {[](const heartbeat&) {},
              [seen](const tasks_reported& message) { seen->reports += message.reports.size(); },
              [](const dataset_dropped&) {},
              [](const submit_job&) {},
              [](const cancel_job&) {},
              [](const cancel_all_jobs&) {},
              [](const executor_ready&) {},
              [](const executor_gone&) {},
              [seen](const executor_silent& message) { seen->silence.push_back(message.silent ? "suspect" : "alive"); },
              [](const executors_given_up&) {},
              [](const result_fetched&) {},
              [](const unpersist_dataset&) {},
              [](const release_shuffle&) {},
              [](const count_cached&) {},
              [](wake) {},
              [](shut_down) {}};
    });
    supervisor = system().spawn([seen = seen](supervisor_actor::pointer) -> supervisor_actor::behavior_type {
      return {[](const register_executor&) {},
              [seen](const link_lost& message) { seen->lost.push_back(message); },
              [](const process_ended&) {},
              [](const restart_due&) {},
              [](check_time) {},
              [](shut_down) {}};
    });
    board->joined({7, 1, 100, true, "alive", 0, 0});
    link = spawn_link(system(), {7, 99, remote, scheduler, supervisor, board, refused, {}});
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

  const std::shared_ptr<executor_script> script = std::make_shared<executor_script>();
  const std::shared_ptr<heard> seen = std::make_shared<heard>();
  const std::shared_ptr<executor_board> board = std::make_shared<executor_board>();
  const std::shared_ptr<std::atomic<std::uint64_t>> refused = std::make_shared<std::atomic<std::uint64_t>>(0);
  executor_actor remote;
  scheduler_actor scheduler;
  supervisor_actor supervisor;
  executor_link link;
  std::uint64_t beats = 0;
};

tasks_reported one_report(std::uint64_t incarnation) {
  return {7, incarnation, std::vector<task_report>(1), {}};
}

} // namespace

TEST_CASE("a link welcomes its executor and passes messages on in both directions") {
  linked it;
  CHECK(it.script->welcomed);
  it.tell(it.link, run_tasks{{{1, 2, 0, 3, 0, false}}});
  CHECK(it.script->tasks.size() == 1);
  it.tell(it.link, one_report(99));
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
  it.tell(it.link, one_report(99));
  CHECK(it.seen->silence == std::vector<std::string>{"suspect", "alive"});
  CHECK(it.seen->reports == 1);
}

TEST_CASE("after an executor's death its late messages are refused, counted and answered with leave") {
  linked it;
  it.pass(6s);
  REQUIRE(it.seen->lost.size() == 1);
  it.beat();
  it.tell(it.link, one_report(99));
  it.tell(it.link, dataset_dropped{7, 99, 1});
  CHECK(*it.refused == 3);
  CHECK(it.seen->reports == 0);
  CHECK(it.script->left.size() == 3);
  it.tell(it.link, run_tasks{{{1, 2, 0, 3, 0, false}}});
  CHECK(it.script->tasks.empty());
  CHECK(it.seen->lost.size() == 1);
}

TEST_CASE("messages of another incarnation are refused") {
  linked it;
  it.tell(it.link, one_report(98));
  it.beat(98);
  CHECK(*it.refused == 2);
  CHECK(it.seen->reports == 0);
  it.tell(it.link, one_report(99));
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
  it.tell(it.link, one_report(99));
  it.pass(6s);
  CHECK(*it.refused == 1);
  CHECK(it.seen->lost.empty());
}
