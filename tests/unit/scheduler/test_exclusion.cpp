#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;

namespace {

using std::chrono::seconds;

scheduler_options strict(bool tasks_and_stages = true, bool application = true) {
  scheduler_options options;
  options.exclusion.tasks_and_stages = tasks_and_stages;
  options.exclusion.application = application;
  return options;
}

const auto no_stage_rules = [](scheduler_options options) {
  options.exclusion.stage_failed_tasks_per_executor_max = 1000;
  return options;
};

/// Fails whatever runs on an executor, until nothing does.
void fail_all_on(driver_fixture& f, std::uint32_t executor) {
  while (!f.on(executor).empty())
    f.fail(f.on(executor).front().task);
}

} // namespace

TEST_CASE("a task that failed somewhere is tried on another executor, though that one is busy for a while") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.map(f.source(2)));
  const auto bad = f.on(0).front();
  f.fail(bad.task);
  CHECK(f.on(0).empty()); // its core is free, and waits for other work
  f.succeed(f.on(1).front().task);
  REQUIRE(f.on(1).size() == 1);
  CHECK(f.on(1).front().partition == bad.partition);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("other tasks use the core that a failed one leaves") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  f.submit(f.map(f.source(3)));
  f.fail(f.on(0).front().task);
  REQUIRE(f.on(0).size() == 1);
  CHECK(f.on(0).front().partition == 2);
}

TEST_CASE("a failed task runs where it failed when nothing better is left") {
  driver_fixture f;
  f.join_executor(0, 1);
  SUBCASE("as there is one executor only") {
    f.submit(f.source(1));
    f.fail(f.only().task);
    CHECK(f.on(0).size() == 1);
  }
  f.join_executor(1, 1);
  SUBCASE("as the other one was lost") {
    f.submit(f.source(2));
    f.fail(f.on(0).front().task);
    REQUIRE(f.on(0).empty());
    f.lose(1);
    CHECK(f.on(0).size() == 1);
  }
  SUBCASE("as the other one is suspected") {
    f.submit(f.source(2));
    f.fail(f.on(0).front().task);
    REQUIRE(f.on(0).empty());
    f.suspect(1);
    CHECK(f.on(0).size() == 1);
  }
  SUBCASE("as it failed on the other one too") {
    f.submit(f.source(1));
    const auto first = f.only().executor;
    f.fail(f.only().task);
    REQUIRE(f.only().executor != first);
    f.fail(f.only().task);
    CHECK(f.running.size() == 1);
  }
  SUBCASE("as the other one is busy for too long") {
    f.submit(f.source(2));
    f.fail(f.on(0).front().task);
    f.advance(seconds(29));
    CHECK(f.on(0).empty());
    f.advance(seconds(1));
    CHECK(f.on(0).size() == 1);
  }
}

TEST_CASE("the wait for a better executor asks to be woken") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  f.submit(f.source(2));
  f.fail(f.on(0).front().task);
  const auto wakes = f.all<wake_at>();
  REQUIRE(!wakes.empty());
  CHECK(wakes.back().when == f.now + seconds(30));
}

TEST_CASE("a task whose executor was lost has not failed there, and may go anywhere") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  f.submit(f.source(1));
  f.lose(f.only().executor.value);
  CHECK(f.running.size() == 1);
}

TEST_CASE("an executor on which every task fails does not cost time in proportion to the square of the tasks") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.source(20'000));
  while (!f.on(0).empty())
    f.fail(f.on(0).front().task);
  CHECK(f.launches.size() == 20'000); // each but one failed once
  while (!f.on(1).empty())
    f.succeed(f.on(1).front().task);
  CHECK(f.finished(job));
}

TEST_CASE("with strict rules a task that failed on an executor never runs there again") {
  driver_fixture f(no_stage_rules(strict()));
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto job = f.submit(f.source(2));
  const auto bad = f.on(0).front();
  f.fail(bad.task);
  REQUIRE(f.on(1).size() == 2);
  f.suspect(1);
  f.advance(seconds(60));
  for (const auto& task : f.on(0)) // copies of others
    CHECK(task.partition != bad.partition);
  f.recover(1);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("two failed tasks exclude an executor for the stage, but not for others") {
  driver_fixture f(strict(true, false));
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  f.submit(f.source(10));
  fail_all_on(f, 0); // the second failure is the last
  CHECK(f.on(0).empty());
  CHECK(f.noticed("executor 0 is excluded for stage 0.0"));
  f.submit(f.source(10));
  CHECK(f.on(0).size() == 2);
  CHECK(f.on(0).front().stage == stage_id{1});
}

TEST_CASE("executors that are excluded for a stage exclude their node for it") {
  driver_fixture f(strict(true, false));
  f.join_executor(0, 2, "bad");
  f.join_executor(1, 2, "bad");
  f.join_executor(2, 2, "bad");
  f.join_executor(3, 2, "good");
  f.submit(f.source(30));
  fail_all_on(f, 0);
  CHECK(f.on(2).size() == 2);
  fail_all_on(f, 1);
  while (!f.on(2).empty())
    f.succeed(f.on(2).front().task);
  CHECK(f.launched_partitions(stage_id{0}, 0).size() < 30);
  CHECK(f.on(3).size() == 2);
}

TEST_CASE("a task that failed twice on a node does not run there a third time") {
  auto options = no_stage_rules(strict());
  driver_fixture f(options);
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 1, "bad");
  const auto job = f.submit(f.source(1));
  f.fail(f.only().task);
  f.fail(f.only().task);
  CHECK(f.running.empty()); // the third executor has not seen it
  f.join_executor(3, 1, "good");
  CHECK(f.only().executor == executor_id{3});
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("an unknown node is nobody's node") {
  driver_fixture f(no_stage_rules(strict()));
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 1);
  f.submit(f.source(1));
  f.fail(f.only().task);
  f.fail(f.only().task);
  CHECK(f.running.size() == 1);
}

TEST_CASE("the application excludes an executor once the stages that failed there have succeeded") {
  driver_fixture f(strict());
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto job = f.submit(f.source(4));
  fail_all_on(f, 0);
  SUBCASE("they have not") {
    f.submit(f.source(2));
    CHECK(f.on(0).size() == 2);
  }
  SUBCASE("they have, and it gets nothing for an hour") {
    f.run_until_idle();
    REQUIRE(f.finished(job));
    REQUIRE(f.noticed("executor 0 is excluded for the whole application: 2 tasks failed there"));
    f.submit(f.source(10));
    CHECK(f.on(0).empty());
    f.advance(std::chrono::minutes(59));
    CHECK(f.on(0).empty());
    f.advance(std::chrono::minutes(2));
    CHECK(f.on(0).size() == 2);
    CHECK(f.noticed("executor 0 is not excluded any more"));
  }
  SUBCASE("they have, but the failures were an hour apart") {
    f.run_until_idle();
    f.advance(std::chrono::hours(2));
    f.submit(f.source(4));
    f.fail(f.on(0).front().task);
    f.run_until_idle();
    f.submit(f.source(4));
    CHECK_FALSE(f.on(0).empty());
  }
}

TEST_CASE("failures of several stages add up for the application") {
  driver_fixture f(strict(false, true));
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  for (int i = 0; i < 2; ++i) {
    f.submit(f.source(2));
    REQUIRE(f.on(0).size() == 1);
    f.fail(f.on(0).front().task);
    f.run_until_idle();
  }
  f.submit(f.source(4));
  CHECK(f.on(0).empty());
  CHECK(f.on(1).size() == 1);
}

TEST_CASE("executors that the application excludes exclude their node, and all on it are killed if that is wanted") {
  auto options = strict();
  options.exclusion.kill_excluded = true;
  options.exclusion.application_failed_tasks_per_executor_max = 1;
  driver_fixture f(options);
  f.join_executor(0, 1, "bad");
  f.join_executor(1, 1, "bad");
  f.join_executor(2, 1, "bad");
  f.join_executor(3, 1, "good");
  f.submit(f.source(8));
  f.fail(f.on(0).front().task);
  f.fail(f.on(1).front().task);
  f.run_until_idle();
  std::set<executor_id> killed;
  for (const auto& k : f.all<kill_executor>())
    CHECK(killed.insert(k.executor).second);
  CHECK(killed == std::set{executor_id{0}, executor_id{1}, executor_id{2}});
  f.submit(f.source(8));
  CHECK(f.running.size() == 1);
  f.lose(0);
  f.join_executor(4, 1, "other");
  CHECK(f.running.size() == 2);
}

TEST_CASE("an executor that cannot serve its blocks is excluded at once if that is wanted") {
  auto options = strict();
  options.exclusion.fetch_failures = true;
  driver_fixture f(options);
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto reduced = f.shuffle(f.source(1), 2);
  const auto job = f.submit(reduced);
  const auto holder = f.only().executor;
  f.succeed(f.only().task);
  f.fail_fetch(f.task_of(stage_id{1}, 0).task, reduced->dependencies[0].shuffle, 0, holder);
  CHECK(f.noticed("executor " + std::to_string(holder.value) +
                  " is excluded for the whole application: a block could not be fetched from it"));
  while (!f.running.empty()) {
    CHECK((f.running.begin()->second.executor != holder || f.running.begin()->second.stage_attempt == 0));
    f.succeed(f.running.begin()->first);
  }
  CHECK(f.finished(job));
}

TEST_CASE("when no executor may run a task an idle one is given up, and one that takes its place runs it") {
  driver_fixture f(no_stage_rules(strict()));
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.source(1));
  const auto first = f.only().executor;
  f.fail(f.only().task);
  f.fail(f.only().task);
  const auto killed = f.all<kill_executor>();
  REQUIRE(killed.size() == 1);
  CHECK(killed.front().reason.find("is excluded and idle") != std::string::npos);
  f.advance(seconds(60));
  CHECK(f.all<kill_executor>().size() == 1); // one is enough
  f.lose(killed.front().executor.value);
  f.join_executor(2, 1);
  CHECK(f.only().executor == executor_id{2});
  f.advance(seconds(100)); // the limit does not run any more
  f.run_until_idle();
  CHECK(f.finished(job));
  static_cast<void>(first);
}

TEST_CASE("a task that found an executor and failed there too has two minutes again, and another executor makes room") {
  driver_fixture f(no_stage_rules(strict(true, false)));
  f.join_executor(0, 1);
  const auto job = f.submit(f.source(1));
  f.fail(f.only().task);
  f.lose(0);
  f.advance(seconds(60));
  f.join_executor(1, 1);
  f.advance(seconds(100));
  f.fail(f.only().task);
  CHECK(f.now_decided<kill_executor>().size() == 1);
  f.advance(seconds(119));
  CHECK(f.all<fail_job>().empty());
  f.advance(seconds(1));
  CHECK(f.failure_of(job).text.find("cannot run anywhere") != std::string::npos);
}

TEST_CASE("a task that fails everywhere is given up, though each executor that makes room for another takes its inputs along") {
  auto options = strict(true, false);
  options.task_failures_max = 3;
  driver_fixture f(options);
  f.join_executor(0, 1);
  const auto job = f.submit(f.shuffle(f.source(1), 1));
  for (std::uint32_t id = 0; id < 3; ++id) {
    f.run_stage(stage_id{0});
    REQUIRE(f.only().stage_attempt == id);
    f.fail(f.only().task, "boom");
    if (id == 2)
      break;
    REQUIRE(f.now_decided<kill_executor>().size() == 1);
    f.lose(id);
    f.join_executor(id + 1, 1);
  }
  CHECK(f.failure_of(job).code == static_cast<std::uint8_t>(errc::task_failed));
  CHECK(f.failure_of(job).text.find("failed 3 times, most recent failure: boom") != std::string::npos);
  CHECK(f.failure_of(job).attempts.size() == 3);
}

TEST_CASE("executors make room for a stage only so often while it does not come to its end") {
  auto options = strict(true, false);
  options.task_failures_max = 2;
  driver_fixture f(options);
  f.join_executor(0, 1);
  const auto job = f.submit(f.shuffle(f.shuffle(f.source(1), 2), 1));
  for (std::uint32_t id = 0; id < 3; ++id) {
    f.run_stage(stage_id{0});
    for (std::uint32_t partition = 0; partition < 2; ++partition) {
      const auto task = f.only();
      REQUIRE(task.stage == stage_id{1});
      if (task.partition == id % 2)
        f.fail(task.task); // another one each time
      else
        f.succeed(task.task);
    }
    CHECK(f.all<kill_executor>().size() == std::min(id + 1, 2U));
    if (id == 2)
      break;
    f.lose(id);
    f.join_executor(id + 1, 1);
  }
  f.advance(seconds(120));
  CHECK(f.failure_of(job).text.find("cannot run anywhere") != std::string::npos);
}

TEST_CASE("nothing of a stage is launched in the moment in which it is given up") {
  driver_fixture f(no_stage_rules(strict(true, false)));
  f.join_executor(0, 1, "bad");
  const auto job = f.submit(f.source(3));
  f.fail(f.task_of(stage_id{0}, 0).task);
  f.lose(0);
  f.join_executor(1, 1, "bad");
  f.fail(f.task_of(stage_id{0}, 0).task); // no more on this node
  f.lose(1);
  f.now += seconds(200); // the driver was stopped
  f.join_executor(2, 1, "bad");
  CHECK(f.failure_of(job).text.find("cannot run anywhere") != std::string::npos);
  CHECK(f.now_decided<launch_tasks>().empty());
}

TEST_CASE("when no executor may run a task for two minutes its job fails") {
  driver_fixture f(no_stage_rules(strict()));
  f.join_executor(0, 1);
  const auto job = f.submit(f.source(1), {0});
  f.fail(f.only().task, "the disk is broken");
  f.advance(seconds(119));
  CHECK(f.all<fail_job>().empty());
  f.advance(seconds(1));
  CHECK(f.failure_of(job).text ==
        "Aborting TaskSet 0.0 because task 0 (partition 0)\ncannot run anywhere due to node and executor excludeOnFailure.\nMost recent "
        "failure:\nthe disk is broken\n\nExcludeOnFailure behavior can be configured via salamander.excludeOnFailure.*.");
  CHECK(f.failure_of(job).code == static_cast<std::uint8_t>(errc::stage_aborted));
}

TEST_CASE("executors that are no processes are not killed") {
  auto options = strict();
  options.exclusion.kill_possible = false;
  options.exclusion.kill_excluded = true;
  driver_fixture f(options);
  f.join_executor(0, 1);
  const auto job = f.submit(f.source(1));
  f.fail(f.only().task);
  f.advance(seconds(120));
  CHECK(f.all<kill_executor>().empty());
  CHECK(f.failure_of(job).text.find("cannot run anywhere") != std::string::npos);
}

TEST_CASE("copies of slow tasks do not go to excluded executors") {
  driver_fixture f(strict(true, false));
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 10);
  f.submit(f.source(20));
  f.fail(f.on(0).front().task);
  f.fail(f.on(0).front().task);
  while (f.running.size() > 1)
    f.succeed(f.running.begin()->first);
  const auto slow = f.only().executor;
  f.advance(seconds(1));
  REQUIRE(f.running.size() == 2);
  for (const auto& [id, task] : f.running)
    CHECK((task.executor == slow || task.executor.value != 0));
}
