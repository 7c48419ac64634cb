#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;
using vec = std::vector<std::uint32_t>;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool is(const job_failure& why, errc code) {
  return why.code == static_cast<std::uint8_t>(code);
}

} // namespace

TEST_CASE("a task that fails is tried again, and the job succeeds with one run more") {
  scheduler_options options;
  options.task_failures_max = 2;
  driver_fixture f(options);
  f.join_executor(0, 1);
  for (const bool in_reduce_stage : {false, true}) {
    const auto before = f.launches.size();
    const auto dataset = in_reduce_stage ? f.shuffle(f.source(1), 3) : f.source(3);
    const auto job = f.submit(dataset);
    if (in_reduce_stage)
      f.succeed(f.only().task);
    f.fail(f.only().task);
    CHECK(f.only().attempt == 1);
    f.run_until_idle();
    CHECK(f.finished(job));
    CHECK(f.launches.size() - before == (in_reduce_stage ? 5 : 4));
    CHECK(f.counts(job).tasks_failed == 1);
  }
}

TEST_CASE("the fourth failure of one task fails the job with the last reason and all attempts, first cause first") {
  driver_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit(f.map(f.source(4)));
  for (const auto* text : {"first", "second", "third", "fourth"})
    f.fail(f.task_of(stage_id{0}, 3).task, text);
  const auto why = f.failure_of(job);
  CHECK(is(why, errc::task_failed));
  CHECK(contains(why.text, "Task 3 in stage 0.0 (map at x.cpp:1) failed 4 times, most recent failure: fourth"));
  REQUIRE(why.attempts.size() == 4);
  CHECK(why.attempts[0].reason == "first");
  CHECK(why.attempts[3].number == 3);
  CHECK(why.attempts[3].partition == 3);
  REQUIRE(f.now_decided<cancel_tasks>().size() == 1);
  CHECK(f.now_decided<cancel_tasks>()[0].tasks.size() == 3);
  CHECK(f.counts(job).tasks_failed == 4);
}

TEST_CASE("failures are counted for each task by itself") {
  driver_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit(f.source(4));
  for (std::uint32_t p = 0; p < 4; ++p)
    for (int i = 0; i < 3; ++i)
      f.fail(f.task_of(stage_id{0}, p).task);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("tasks that were cancelled or could not fetch are not failures") {
  scheduler_options options;
  options.task_failures_max = 1;
  driver_fixture f(options);
  f.join_executor(0, 1);
  const auto job = f.submit(f.source(1));
  for (int i = 0; i < 10; ++i)
    f.fail(f.only().task, task_was_cancelled{});
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_failed == 0);
}

TEST_CASE("a job fails with the code of the failure, unless that says no more than that a task failed") {
  scheduler_options options;
  options.task_failures_max = 1;
  for (const auto& [code, reported] : {std::pair{errc::out_of_memory, errc::out_of_memory},
                                       {errc::io_error, errc::io_error},
                                       {errc::task_failed, errc::task_failed},
                                       {errc::internal, errc::task_failed}}) {
    driver_fixture f(options);
    f.join_executor(0, 1);
    const auto job = f.submit(f.source(1));
    f.fail(f.only().task, "boom", code);
    CHECK(is(f.failure_of(job), reported));
  }
}

TEST_CASE("what no other attempt can mend fails the job at once") {
  for (const auto code : {errc::not_serializable, errc::result_too_large, errc::code_refused, errc::build_mismatch, errc::output_exists}) {
    driver_fixture f;
    f.join_executor(0, 1);
    const auto job = f.submit(f.source(1));
    f.fail(f.only().task, "cannot be", code);
    CHECK(is(f.failure_of(job), code));
    CHECK(contains(f.failure_of(job).text, "cannot be"));
  }
}

TEST_CASE("a failing map stage fails every job that needs it, and later jobs over it too") {
  driver_fixture f;
  f.join_executor(0, 2);
  const auto shuffled = f.shuffle(f.source(1), 1);
  const auto first = f.submit(shuffled);
  const auto second = f.submit(f.map(shuffled));
  const auto other = f.submit(f.source(1));
  for (int i = 0; i < 4; ++i)
    f.fail(f.task_of(stage_id{0}, 0).task);
  CHECK(is(f.failure_of(first), errc::task_failed));
  CHECK(is(f.failure_of(second), errc::task_failed));
  f.run_until_idle();
  CHECK(f.finished(other));

  const auto third = f.submit(shuffled);
  const auto stage = f.only().stage;
  for (int i = 0; i < 4; ++i)
    f.fail(f.task_of(stage, 0).task);
  CHECK(is(f.failure_of(third), errc::task_failed));

  const auto fourth = f.submit(shuffled);
  f.run_until_idle();
  CHECK(f.finished(fourth));
  CHECK(f.scheduler.idle());
}

TEST_CASE("late, duplicate and foreign results are discarded and change nothing") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto shuffled = f.shuffle(f.source(2), 1);
  const auto job = f.submit(shuffled);
  const auto task = f.task_of(stage_id{0}, 0);
  const auto foreign = task.executor == executor_id{0} ? executor_id{1} : executor_id{0};
  const auto discarded = [&](const event& what) {
    f.tell(what);
    return f.last.size() == 1 && f.now_decided<discard_result>().size() == 1;
  };
  task_succeeded report;
  report.task = task.task;
  report.executor = foreign;
  CHECK(discarded(report));
  report.executor = executor_id{77};
  CHECK(discarded(report));
  f.succeed(task.task);
  report.executor = task.executor;
  report.cached = {{rdd_id{0}, 0}};
  CHECK(discarded(report));
  CHECK(discarded(task_failed{task.task, task.executor, user_error{"late", 0}}));
  CHECK(discarded(task_failed{task_id{999}, task.executor, fetch_failed{shuffle_id{0}, 0, task.executor, ""}}));
  CHECK(f.scheduler.cached_partitions(rdd_id{0}) == 0);
  CHECK(f.scheduler.running_tasks(task.executor) == 0);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_succeeded == 3);
}

TEST_CASE("a fetch failure reruns only the lost map partition, then only the missing reduce partitions") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto shuffled = f.shuffle(f.source(4), 4);
  const auto job = f.submit(shuffled);
  f.run_stage(stage_id{0});
  const auto first = f.of(stage_id{1});
  REQUIRE(first.size() == 2);
  const auto where = f.scheduler.inputs_of(stage_id{1}).shuffles[0].second;
  f.fail_fetch(first[0].task, shuffle_id{0}, 2, where[2]);
  // The other task of the zombie goes on and counts; nothing new of it is launched.
  CHECK(f.launched_partitions(stage_id{0}, 1) == vec{2});
  CHECK(f.launched_partitions(stage_id{1}, 0).size() == 2);
  f.succeed(first[1].task);
  CHECK(f.now_decided<deliver_result>().size() == 1);
  f.run_until_idle();
  CHECK(f.finished(job));
  auto rest = vec{0, 1, 2, 3};
  std::erase(rest, first[1].partition);
  CHECK(sorted(f.launched_partitions(stage_id{1}, 1)) == rest);
  CHECK(f.counts(job).stage_retries == 2);
  CHECK(f.counts(job).tasks_failed == 0);
  CHECK(f.counts(job).tasks_succeeded == 9);
}

TEST_CASE("a task of the earlier attempt that still runs is not started a second time unless it fails") {
  driver_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit(f.shuffle(f.source(1), 2));
  f.run_stage(stage_id{0});
  const auto first = f.of(stage_id{1});
  f.fail_fetch(first[0].task, shuffle_id{0}, 0, executor_id{0});
  f.run_stage(stage_id{0}); // answers the map task only
  CHECK(f.launched_partitions(stage_id{1}, 1) == vec{0});
  SUBCASE("it fails, and runs in the new attempt") {
    f.fail_fetch(first[1].task, shuffle_id{0}, 0, executor_id{0});
    CHECK(f.launched_partitions(stage_id{1}, 1) == vec{0, 1});
  }
  SUBCASE("it succeeds, and counts") {
    f.succeed(first[1].task);
    CHECK(f.launched_partitions(stage_id{1}, 1) == vec{0});
  }
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.launched_partitions(stage_id{0}, 1) == vec{0});
  CHECK(f.launched_partitions(stage_id{0}, 2).empty());
}

TEST_CASE("a fetch failure of an old attempt is ignored") {
  driver_fixture f;
  f.join_executor(0, 2);
  const auto job = f.submit(f.shuffle(f.source(1), 2));
  f.run_stage(stage_id{0});
  const auto first = f.of(stage_id{1});
  f.fail_fetch(first[0].task, shuffle_id{0}, 0, executor_id{0});
  f.run_stage(stage_id{0});
  f.fail_fetch(first[1].task, shuffle_id{0}, 0, executor_id{0});
  CHECK(f.of(stage_id{0}).empty());
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).stage_retries == 2);
}

TEST_CASE("a burst of fetch failures is one retry when there is a delay to collect them") {
  scheduler_options options;
  options.resubmit_delay = std::chrono::milliseconds(200);
  driver_fixture f(options);
  f.join_executor(0, 4);
  const auto job = f.submit(f.shuffle(f.source(4), 4));
  f.run_stage(stage_id{0});
  for (const auto& task : f.of(stage_id{1}))
    f.fail_fetch(task.task, shuffle_id{0}, task.partition, executor_id{0});
  CHECK(f.running.empty());
  REQUIRE(f.all<wake_at>().size() == 1);
  CHECK(f.all<wake_at>()[0].when == f.now + std::chrono::milliseconds(200));
  CHECK(!f.scheduler.idle());
  f.advance(std::chrono::milliseconds(199));
  CHECK(f.running.empty());
  f.advance(std::chrono::milliseconds(1));
  CHECK(f.launched_partitions(stage_id{0}, 1) == vec{0, 1, 2, 3});
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).stage_retries == 2);
}

TEST_CASE("a fetch failure without a known place retries the stage with new places") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto job = f.submit(f.shuffle(f.source(1), 1));
  f.run_stage(stage_id{0});
  f.fail_fetch(f.only().task, shuffle_id{0}, 0, no_executor);
  CHECK(f.only().stage == stage_id{1});
  CHECK(f.only().stage_attempt == 1);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a stage that fails to fetch four times in a row is given up") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto shuffled = f.shuffle(f.source(1), 1);
  const auto job = f.submit(shuffled);
  for (int i = 0; i < 4; ++i) {
    CHECK(f.only().stage == stage_id{0});
    f.succeed(f.only().task);
    f.fail_fetch(f.only().task, shuffle_id{0}, 0, executor_id{0});
    f.advance(std::chrono::seconds(1));
  }
  const auto why = f.failure_of(job);
  CHECK(is(why, errc::stage_aborted));
  CHECK(contains(why.text, "stage 1.3 (reduce_by_key at x.cpp:1) failed 4 times in a row"));
  CHECK(contains(why.text, "shuffle 0"));
  CHECK(contains(why.text, "executor 0: connection refused"));
  CHECK(why.attempts.size() == 4);
  const auto again = f.submit(shuffled);
  f.run_until_idle();
  CHECK(f.finished(again));
}

TEST_CASE("a stage that lacks inputs twice in a row waits for word of the executor that had them") {
  driver_fixture f;
  f.join_executor(0, 8);
  const auto job = f.submit(f.shuffle(f.source(8), 1));
  f.run_stage(stage_id{0});
  f.join_executor(1, 8);
  // Executor 0 has ended, which nobody knows yet, and refuses connections.
  f.fail_fetch(f.only().task, shuffle_id{0}, 0, executor_id{0});
  f.run_stage(stage_id{0});
  f.fail_fetch(f.only().task, shuffle_id{0}, 1, executor_id{0});
  CHECK(f.running.empty());
  f.advance(std::chrono::milliseconds(99));
  CHECK(f.running.empty());
  f.lose(0);
  f.advance(std::chrono::milliseconds(1));
  CHECK(f.of(stage_id{0}).size() >= 7); // all that went with it, at once
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.launched_partitions(stage_id{1}, 2) == vec{0});
}

TEST_CASE("a stage that succeeds in between may fail to fetch again") {
  driver_fixture f;
  f.join_executor(0, 1);
  // Stage 1 reads shuffle 0 and is read by stage 2, which loses stage 1's output again and again.
  const auto job = f.submit(f.shuffle(f.shuffle(f.source(1), 1), 1));
  for (int i = 0; i < 3; ++i) {
    f.run_stage(stage_id{0});
    f.fail_fetch(f.task_of(stage_id{1}, 0).task, shuffle_id{0}, 0, executor_id{0});
    f.advance(std::chrono::seconds(1));
  }
  f.run_stage(stage_id{0});
  f.run_stage(stage_id{1});
  f.fail_fetch(f.task_of(stage_id{2}, 0).task, shuffle_id{1}, 0, executor_id{0});
  f.fail_fetch(f.task_of(stage_id{1}, 0).task, shuffle_id{0}, 0, executor_id{0});
  CHECK(f.only().stage == stage_id{0});
  f.run_until_idle();
  CHECK(f.finished(job));
}
