#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;

namespace {

using std::chrono::seconds;

scheduler_options with_failures_max(std::uint32_t max) {
  scheduler_options options;
  options.task_failures_max = max;
  return options;
}

} // namespace

TEST_CASE("a task that finds no memory is tried three times, however many failures are allowed, and its own text ends the job") {
  driver_fixture f(with_failures_max(100));
  f.join_executor(0);
  const auto job = f.submit(f.source(1));
  for (int i = 0; i < 3; ++i)
    f.fail(f.only().task, "the group of key 7 does not fit", errc::out_of_memory);
  const auto why = f.failure_of(job);
  CHECK(why.code == static_cast<std::uint8_t>(errc::out_of_memory));
  CHECK(why.text.find("failed 3 times, for want of memory") != std::string::npos);
  CHECK(why.text.find("the group of key 7 does not fit") != std::string::npos);
  CHECK(why.attempts.size() == 3);
}

TEST_CASE("fewer failures allowed are fewer attempts for want of memory too") {
  driver_fixture f(with_failures_max(1));
  f.join_executor(0);
  const auto job = f.submit(f.source(1));
  f.fail(f.only().task, "no room", errc::out_of_memory);
  CHECK(f.failure_of(job).code == static_cast<std::uint8_t>(errc::out_of_memory));
}

TEST_CASE("failures for want of memory and others are counted together against the limit of all") {
  driver_fixture f;
  f.join_executor(0);
  const auto job = f.submit(f.source(1));
  f.fail(f.only().task, "no room", errc::out_of_memory);
  f.fail(f.only().task);
  f.fail(f.only().task, "no room", errc::out_of_memory);
  CHECK(f.all<fail_job>().empty());
  f.fail(f.only().task);
  CHECK(f.failure_of(job).text.find("failed 4 times") != std::string::npos);
}

TEST_CASE("a success clears a task: if its output is lost, earlier failures do not count") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.shuffle(f.source(2), 1));
  const auto partition = f.on(0).front().partition;
  // Three failures, then a success; while the other task still runs, the output is lost.
  for (int i = 0; i < 3; ++i) {
    f.fail(f.task_of(stage_id{0}, partition).task);
    if (f.attempts_of(stage_id{0}, partition).empty())
      f.advance(seconds(30));
  }
  const auto holder = f.task_of(stage_id{0}, partition).executor;
  f.succeed(f.task_of(stage_id{0}, partition).task);
  f.join_executor(2, 1);
  f.lose(holder.value);
  for (int i = 0; i < 3; ++i) {
    f.fail(f.task_of(stage_id{0}, partition).task);
    if (f.attempts_of(stage_id{0}, partition).empty())
      f.advance(seconds(30));
  }
  CHECK(f.all<fail_job>().empty());
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a result that was lost on its way is computed again, and counts as a failure") {
  driver_fixture f;
  f.join_executor(0);
  const auto job = f.submit(f.source(1));
  SUBCASE("once") {
    f.fail(f.only().task, "the result of the task was lost with executor 0", errc::executor_lost);
    f.run_until_idle();
    CHECK(f.finished(job));
    CHECK(f.counts(job).tasks_failed == 1);
  }
  SUBCASE("too often") {
    for (int i = 0; i < 4; ++i)
      f.fail(f.only().task, "the result of the task was lost with executor 0", errc::executor_lost);
    CHECK(f.failure_of(job).text.find("failed 4 times, most recent failure: the result of the task was lost") != std::string::npos);
  }
}

TEST_CASE("what is not the task's fault never counts: a lost executor, blocks that cannot be fetched, cancellation") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto reduced = f.shuffle(f.source(1), 1);
  const auto job = f.submit(reduced);
  f.run_stage(stage_id{0});
  const auto task = [&] { return f.of(stage_id{1}).front().task; };
  for (int i = 0; i < 3; ++i) {
    f.fail_fetch(task(), reduced->dependencies[0].shuffle, 0, no_executor);
    f.advance(seconds(1));
  }
  for (int i = 0; i < 10; ++i)
    f.fail(task(), task_was_cancelled{});
  f.lose(0);
  f.join_executor(1, 1);
  f.run_stage(stage_id{0});
  for (int i = 0; i < 3; ++i)
    f.fail(task());
  CHECK(f.all<fail_job>().empty());
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a task takes as many cores as it is said to") {
  scheduler_options options;
  options.task_cpus = 2;
  driver_fixture f(options);
  f.submit(f.source(10));
  f.join_executor(0, 1);
  CHECK(f.running.empty());
  CHECK(f.noticed("executor 0 has 1 core, and a task takes 2 (salamander.task.cpus): it gets no tasks"));
  f.join_executor(1, 5);
  CHECK(f.on(1).size() == 2);
  f.join_executor(2, 2);
  CHECK(f.on(2).size() == 1);
}

TEST_CASE("after fifteen seconds without anything to run on there is a warning, and one every fifteen seconds") {
  driver_fixture f;
  const auto warnings = [&] {
    std::size_t count = 0;
    for (const auto& text : f.notices())
      count += text.find("Initial job has not accepted any resources; check that executors are registered") == 0 ? 1 : 0;
    return count;
  };
  f.advance(seconds(60));
  CHECK(warnings() == 0); // nobody waits
  f.submit(f.source(1));
  REQUIRE(f.now_decided<wake_at>().size() == 1);
  CHECK(f.now_decided<wake_at>().front().when == f.now + seconds(15));
  f.advance(seconds(14));
  CHECK(warnings() == 0);
  f.advance(seconds(1));
  CHECK(warnings() == 1);
  f.advance(seconds(15));
  CHECK(warnings() == 2);
  f.join_executor(0);
  f.run_until_idle();
  f.lose(0);
  f.advance(seconds(60));
  CHECK(warnings() == 2);
  f.submit(f.source(1));
  f.advance(seconds(15));
  CHECK(f.noticed("No task has run for a while, though some wait"));
}

TEST_CASE("a fetch failure that comes two attempts late unregisters nothing, and there is never more than one attempt to launch") {
  driver_fixture f;
  f.join_executor(0, 3);
  const auto job = f.submit(f.shuffle(f.source(1), 3));
  f.run_stage(stage_id{0});
  const auto first = f.of(stage_id{1});
  REQUIRE(first.size() == 3);
  for (int i = 0; i < 2; ++i) {
    const auto newest = std::prev(f.running.end())->second;
    f.fail_fetch(newest.task, shuffle_id{0}, 0, executor_id{0});
    f.advance(std::chrono::milliseconds(100));
    f.run_stage(stage_id{0});
    for (const auto& task : f.of(stage_id{1}))
      CHECK((task.stage_attempt == static_cast<std::uint32_t>(i) + 1 || task.task == first[0].task || task.task == first[1].task));
  }
  const auto starts = f.all<stage_started>().size();
  f.fail_fetch(first[0].task, shuffle_id{0}, 0, executor_id{0});
  CHECK(f.of(stage_id{0}).empty()); // what it could not read has been made again since
  CHECK(f.attempts_of(stage_id{1}, first[0].partition).size() == 1);
  CHECK(f.all<stage_started>().size() == starts);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("exactly one result of each partition is accepted, whatever attempts there are: its files are the ones that get names") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 10);
  const auto reduced = f.shuffle(f.source(1), 20);
  const auto job = f.submit(reduced);
  const auto holder = f.only().executor;
  f.succeed(f.only().task);
  while (f.running.size() > 2)
    f.succeed(f.running.begin()->first);
  // A copy for speed, then another attempt of the stage, and in the end both old attempts report success.
  f.advance(seconds(1));
  REQUIRE(f.running.size() == 4);
  f.fail_fetch(std::prev(f.running.end())->first, reduced->dependencies[0].shuffle, 0, holder);
  const auto all = f.running;
  for (const auto& [task, what] : all)
    if (what.stage == stage_id{1} && f.running.contains(task))
      f.succeed(task);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.all<deliver_result>().size() == 20); // the fixture refuses a second delivery
}

TEST_CASE("a stage whose preferences cannot be found out fails its job, and no other") {
  driver_fixture f;
  f.join_executor(0);
  const auto cached = f.map(f.source(2));
  cached->cached = true;
  f.submit(cached);
  while (!f.running.empty())
    f.succeed_caching(f.running.begin()->first, cached);
  const auto broken = f.coalesce(cached, {{0}, {1}});
  broken->partitions = 3; // one more than it has groups
  const auto job = f.submit(broken);
  CHECK(f.failure_of(job).code == static_cast<std::uint8_t>(errc::internal));
  CHECK(f.failure_of(job).text.find("coalesce at x.cpp:2") != std::string::npos);
  const auto next = f.submit(f.source(2));
  f.run_until_idle();
  CHECK(f.finished(next));
}
