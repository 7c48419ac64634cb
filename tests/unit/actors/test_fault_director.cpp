#include <salamander/actors/fault_director.hpp>

#include <doctest/doctest.h>

#include <signal.h>

#include <string>
#include <vector>

namespace {

using namespace salamander;
using namespace salamander::actors;
using namespace salamander::testing;
using namespace std::chrono_literals;
using task_end = fault_director::task_end;

/// A director whose processes are numbers; stages and tasks come and go as the test says.
class drama {
public:
  explicit drama(const fault_plan& plan, std::uint32_t executors = 2) : director(setup_of(plan, executors)) {
    for (std::uint32_t i = 0; i < executors; ++i)
      director.executor_joined(i);
    director.job_started(0);
  }

  void start_stage(std::uint32_t id, std::uint32_t attempt = 0, bool reads = false) {
    director.stage_started({{id}, attempt, "map at x.cpp:" + std::to_string(id), 4, 4}, reads);
  }
  /// Sends one task; returns what it shall suffer.
  std::vector<core::armed_fault> launch(std::uint64_t task, std::uint32_t stage, std::uint32_t partition, std::uint32_t executor = 0) {
    scheduler::launch_tasks what;
    what.executor = {executor};
    what.stage = {stage};
    what.tasks.push_back({{task}, partition, 0, false});
    return director.launching(what);
  }
  void end_job(bool succeeded = true, std::uint32_t job = 0) {
    job_report counts;
    counts.succeeded = succeeded;
    director.job_ended(job, "collect at x.cpp:9", counts);
  }

  std::vector<std::pair<std::uint32_t, int>> signals;
  std::vector<std::string> log;
  fault_director director;

private:
  fault_setup setup_of(const fault_plan& plan, std::uint32_t executors) {
    fault_setup setup;
    setup.plan = plan;
    setup.executors = executors;
    setup.signal = [this](std::uint32_t executor, int number) {
      if (number != 0)
        signals.emplace_back(executor, number);
      return std::int64_t{1000} + executor;
    };
    setup.log = [this](const std::string& text) { log.push_back(text); };
    return setup;
  }
};

using signal_list = std::vector<std::pair<std::uint32_t, int>>;

} // namespace

TEST_CASE("the executor named is killed when the stage starts, and the report says so") {
  drama play(fault_plan(3).with(kill_executor().executor(1).at_stage(1)));
  play.start_stage(70);
  CHECK(play.signals.empty());
  play.start_stage(75, 0, true);
  CHECK(play.signals == signal_list{{1, SIGKILL}});
  const auto report = play.director.report();
  REQUIRE(report.injected.size() == 1);
  CHECK(report.injected[0].executor == 1U);
  CHECK(report.injected[0].stage == 1U);
  CHECK(report.injected[0].detail == "sent SIGKILL to process 1001");
  CHECK(report.injected[0].job == 0U);
  CHECK(report.count(fault_kind::kill_executor) == 1);
  CHECK(report.missed.empty());
  REQUIRE(report.stages.size() == 2);
  CHECK_FALSE(report.stages[0].reads_shuffle);
  CHECK(report.stages[1].reads_shuffle);
  REQUIRE(play.log.size() == 1);
  CHECK(play.log[0].find("injected fault: kill executor=1 at-stage=1") == 0);
}

TEST_CASE("a stage that is tried again keeps its number") {
  drama play(fault_plan().with(kill_executor().at_stage(1)));
  play.start_stage(70);
  play.start_stage(70, 1);
  play.start_stage(70, 2);
  CHECK(play.signals.empty());
  CHECK(play.director.report().stages.at(0).attempts == 3);
  play.start_stage(71);
  CHECK(play.signals.size() == 1);
}

TEST_CASE("an executor that is gone is not killed again, and its replacement is counted") {
  drama play(fault_plan().with(kill_executor().executor(0).at_stage(0)));
  play.director.executor_gone(0);
  play.director.executor_joined(2);
  play.start_stage(1);
  CHECK(play.signals.empty());
  const auto report = play.director.report();
  CHECK(report.executors_replaced == 1);
  REQUIRE(report.missed.size() == 1);
  CHECK(report.missed[0].why == "executor 0 was not there");
}

TEST_CASE("the executor that finishes the task asked for is stopped, and goes on at the end at the latest") {
  drama play(fault_plan().with(stop_executor(1h).after_tasks(2)));
  play.start_stage(1);
  play.launch(1, 1, 0, 0);
  play.launch(2, 1, 1, 1);
  play.director.task_ended(1, task_end::succeeded);
  CHECK(play.signals.empty());
  play.director.task_ended(2, task_end::succeeded);
  CHECK(play.signals == signal_list{{1, SIGSTOP}});
  play.director.end();
  CHECK(play.signals == signal_list{{1, SIGSTOP}, {1, SIGCONT}});
}

TEST_CASE("failed and cancelled tasks do not count as finished") {
  drama play(fault_plan().with(kill_executor().after_tasks(1)));
  play.start_stage(1);
  play.launch(1, 1, 0);
  play.launch(2, 1, 1);
  play.launch(3, 1, 2);
  play.director.task_ended(1, task_end::failed);
  play.director.task_ended(2, task_end::cancelled);
  CHECK(play.signals.empty());
  play.director.task_ended(3, task_end::succeeded);
  CHECK(play.signals.size() == 1);
  play.director.task_ended(3, task_end::succeeded); // unknown by now
  CHECK(play.director.report().tasks_finished == 1);
}

TEST_CASE("a task is armed with its faults, and what it reports is recorded with its place") {
  drama play(fault_plan().with(throw_task().stage(0).partition(2)));
  play.start_stage(8);
  CHECK(play.launch(1, 8, 1).empty());
  const auto armed = play.launch(2, 8, 2, 1);
  REQUIRE(armed.size() == 1);
  CHECK(armed[0].task == 2);
  CHECK(armed[0].kind == fault_kind::throw_task);
  CHECK(play.director.report().injected.empty()); // ordered, and not yet happened
  play.director.happened(1, {{2, 0, "threw before the first record"}});
  play.director.task_ended(2, task_end::failed);
  const auto report = play.director.report();
  REQUIRE(report.injected.size() == 1);
  CHECK(report.injected[0].executor == 1U);
  CHECK(report.injected[0].stage == 0U);
  CHECK(report.injected[0].partition == 2U);
  CHECK(report.injected[0].attempt == 0U);
  CHECK(play.launch(3, 8, 2).empty()); // once
}

TEST_CASE("a fault whose task gave it no occasion, or whose executor died with it, goes to the next task") {
  drama play(fault_plan().with(lose_block().stage(0)));
  play.start_stage(8);
  CHECK(play.launch(1, 8, 0).size() == 1);
  CHECK(play.launch(2, 8, 1).empty());
  play.director.task_ended(1, task_end::succeeded);
  CHECK(play.launch(3, 8, 2, 1).size() == 1);
  play.director.executor_gone(1);
  CHECK(play.launch(4, 8, 3).size() == 1);
  play.director.happened(0, {{4, 0, "dropped it"}});
  play.director.task_ended(4, task_end::failed);
  CHECK(play.launch(5, 8, 3).empty());
}

TEST_CASE("recovery lasts until all that was broken is done again") {
  drama play(fault_plan().with(kill_executor().executor(1).after_tasks(1)));
  play.start_stage(8);
  play.launch(1, 8, 0, 0);
  play.launch(2, 8, 1, 1);
  play.launch(3, 8, 2, 1);
  play.director.task_ended(2, task_end::succeeded); // then its executor is killed
  play.director.executor_gone(1);                   // with task 3, and the output of partition 1
  play.director.task_ended(1, task_end::succeeded);
  play.launch(4, 8, 2, 0);
  play.launch(5, 8, 1, 0); // partition 1 again
  play.director.task_ended(4, task_end::succeeded);
  CHECK_FALSE(play.director.report().injected.at(0).caught_up_after);
  play.director.task_ended(5, task_end::succeeded);
  auto record = play.director.report().injected.at(0);
  CHECK(record.tasks_broken == 2);
  CHECK(record.caught_up_after);
  CHECK_FALSE(record.job_ended_after);
  play.end_job();
  record = play.director.report().injected.at(0);
  CHECK(record.job_ended_after >= record.caught_up_after);
  CHECK(record.job_succeeded);
  const auto jobs = play.director.report().jobs;
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].description == "collect at x.cpp:9");
}

TEST_CASE("a second copy of a task that fails breaks nothing") {
  drama play(fault_plan().with(kill_executor().after_tasks(1)));
  play.start_stage(8);
  play.launch(1, 8, 0, 0);
  play.launch(2, 8, 0, 1);
  play.director.task_ended(1, task_end::succeeded);
  play.director.task_ended(2, task_end::failed);
  CHECK(play.director.report().injected.at(0).tasks_broken == 0);
}

TEST_CASE("jobs that no fault happened to are not in the report") {
  drama play(fault_plan().with(kill_executor().at_stage(0)));
  play.end_job();
  play.director.job_started(1);
  play.start_stage(3);
  play.end_job(false, 1);
  const auto report = play.director.report();
  REQUIRE(report.jobs.size() == 1);
  CHECK(report.jobs[0].job == 1);
  CHECK_FALSE(report.injected.at(0).job_succeeded);
}

TEST_CASE("the report says why a fault did not happen") {
  drama play(fault_plan()
                 .with(kill_executor().at_stage(5))
                 .with(throw_task().stage(9))
                 .with(throw_task().nth(4))
                 .with(kill_executor().after_tasks(7))
                 .with(drop_message().nth(1000)));
  play.start_stage(1);
  play.launch(1, 1, 0);
  play.director.task_ended(1, task_end::succeeded);
  const auto missed = play.director.report().missed;
  REQUIRE(missed.size() == 5);
  CHECK(missed[0].why == "1 stages were started, the last one is stage 0");
  CHECK(missed[1].why == "no task that matches was sent");
  CHECK(missed[2].why == "1 tasks that match were sent, 4 were waited for");
  CHECK(missed[3].why == "1 tasks that match were finished, 7 were waited for");
  CHECK(missed[4].why == "no message was the one");
  const auto text = play.director.report().text();
  CHECK(text.find("did not happen: kill executor at-stage=5") != std::string::npos);
  CHECK(text.find("again: salamander.faults.plan='kill executor at-stage=5;") != std::string::npos);
}

TEST_CASE("faults of a kept result are for the driver that fetches it") {
  drama play(fault_plan().with(corrupt_block(blocks::result)));
  play.start_stage(1);
  REQUIRE(play.launch(1, 1, 0).size() == 1);
  CHECK_FALSE(play.director.faults_of_result(99));
  const auto faults = play.director.faults_of_result(1);
  REQUIRE(faults);
  const auto hit = faults->block(blocks::result, true, "result_1");
  CHECK(hit.corruptions == 1);
  faults->corrupted(hit.token, "result_1");
  play.director.result_fetched(0, *faults);
  CHECK(play.director.report().injected.at(0).detail == "flipped a bit of result_1 on its way");
  CHECK_FALSE(play.director.faults_of_result(1)); // it is spent
}

TEST_CASE("only plans about messages have links ask about them") {
  CHECK_FALSE(drama(fault_plan().with(kill_executor().at_stage(0))).director.messages());
  drama play(fault_plan().with(drop_message().nth(1)));
  REQUIRE(play.director.messages());
  CHECK(play.director.messages()->pass(1, direction::to_executor, "salamander.numbered_order", fault_messages::clock::now()).lost);
  const auto report = play.director.report();
  REQUIRE(report.injected.size() == 1);
  CHECK(report.injected[0].executor == 1U);
  CHECK(report.injected[0].detail == "numbered_order to executor 1 was lost");
}

TEST_CASE("a cut executor is cut at once") {
  drama play(fault_plan().with(cut_executor(1h, direction::from_executor).executor(1).at_stage(0)));
  REQUIRE(play.director.messages());
  const auto now = fault_messages::clock::now();
  CHECK_FALSE(play.director.messages()->pass(1, direction::from_executor, "heartbeat", now).lost);
  play.start_stage(1);
  CHECK(play.director.messages()->pass(1, direction::from_executor, "heartbeat", now).lost);
  CHECK_FALSE(play.director.messages()->pass(1, direction::to_executor, "run_tasks", now).lost);
  CHECK_FALSE(play.director.messages()->pass(0, direction::from_executor, "heartbeat", now).lost);
  CHECK_FALSE(play.director.messages()->pass(1, direction::from_executor, "heartbeat", now + 2h).lost);
}
