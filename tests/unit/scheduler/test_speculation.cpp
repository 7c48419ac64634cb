#include "driver_fixture.hpp"

#include <salamander/scheduler/speculation.hpp>

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;

namespace {

using std::chrono::milliseconds;

/// A stage of 20 tasks on four executors of five cores, with all tasks running.
struct stage_of_twenty : driver_fixture {
  explicit stage_of_twenty(scheduler_options options = {}, const std::vector<std::string>& hosts = {"", "", "", ""})
      : driver_fixture(std::move(options)) {
    for (std::uint32_t i = 0; i < hosts.size(); ++i)
      join_executor(i, 5, hosts[i]);
    job = submit(map(source(20)));
    REQUIRE(running.size() == 20);
  }
  /// Lets `count` tasks succeed that took 10 ms each; returns those that run on.
  std::vector<launched> finish(std::uint32_t count, milliseconds took = milliseconds(10)) {
    now += took;
    task_succeeded with;
    with.run_time = took;
    for (std::uint32_t i = 0; i < count; ++i)
      succeed(running.begin()->first, with);
    return of(stage_id{0});
  }
  std::vector<launched> copies() const {
    return select([&](const launched& t) { return attempts_of(t.stage, t.partition).size() == 2 && t.attempt == 1; });
  }
  job_id job;
};

scheduler_options with(speculation_options speculation) {
  scheduler_options options;
  options.speculation = speculation;
  return options;
}

} // namespace

TEST_CASE("a task that runs for longer than it should gets one copy on another executor") {
  stage_of_twenty f;
  const auto slow = f.finish(19);
  f.advance(milliseconds(80));
  CHECK(f.copies().empty()); // not yet 100 ms
  f.advance(milliseconds(100));
  REQUIRE(f.copies().size() == 1);
  CHECK(f.copies().front().partition == slow.front().partition);
  CHECK(f.copies().front().executor != slow.front().executor);
  SUBCASE("and never a second one") {
    f.advance(std::chrono::seconds(10));
    f.advance(std::chrono::seconds(10));
    CHECK(f.running.size() == 2);
  }
  SUBCASE("and when the copy succeeds first, the original is cancelled and what it brings is refused") {
    f.succeed(f.copies().front().task);
    CHECK(f.finished(f.job));
    REQUIRE(f.now_decided<cancel_tasks>().size() == 1);
    CHECK(f.now_decided<cancel_tasks>().front().tasks == std::vector{slow.front().task});
    CHECK(f.now_decided<cancel_tasks>().front().reason == "another attempt succeeded");
    f.succeed(slow.front().task);
    CHECK(f.now_decided<discard_result>().size() == 1);
    CHECK(f.now_decided<deliver_result>().empty());
    CHECK(f.counts(f.job).speculative_launched == 1);
    CHECK(f.counts(f.job).speculative_won == 1);
    CHECK(f.counts(f.job).tasks_succeeded == 20);
    CHECK(f.counts(f.job).tasks_failed == 0);
    CHECK(f.scheduler.idle());
  }
  SUBCASE("and when the original succeeds first, the copy is cancelled") {
    const auto copy = f.copies().front();
    f.succeed(slow.front().task);
    CHECK(f.finished(f.job));
    CHECK(f.running.at(copy.task).cancelled);
    f.fail(copy.task, task_was_cancelled{});
    CHECK(f.counts(f.job).speculative_won == 0);
    CHECK(f.scheduler.idle());
  }
}

TEST_CASE("slow is what takes longer than 1.5 times the median and at least 100 ms, once three quarters have succeeded") {
  stage_of_twenty f;
  SUBCASE("not before three quarters have succeeded") {
    f.finish(14);
    f.advance(std::chrono::seconds(10));
    CHECK(f.copies().empty());
    f.finish(1);
    f.advance(milliseconds(100));
    CHECK(f.copies().size() == 5);
  }
  SUBCASE("not before 1.5 times the median") {
    f.finish(15, milliseconds(1000));
    f.advance(milliseconds(450));
    CHECK(f.copies().empty());
    f.advance(milliseconds(100));
    CHECK(f.copies().size() == 5);
  }
}

TEST_CASE("the limits of speculation are those that are set") {
  speculation_options speculation;
  SUBCASE("none when it is off") {
    speculation.enabled = false;
    stage_of_twenty f(with(speculation));
    f.finish(19);
    f.advance(std::chrono::seconds(10));
    CHECK(f.copies().empty());
    CHECK(f.all<wake_at>().empty()); // and nobody looks
    f.suspect(f.running.begin()->second.executor.value);
    CHECK(f.copies().empty());
  }
  SUBCASE("none for a stage with fewer tasks") {
    speculation.tasks_min = 21;
    stage_of_twenty f(with(speculation));
    f.finish(19);
    f.advance(std::chrono::seconds(10));
    CHECK(f.copies().empty());
  }
  SUBCASE("multiplier, quantile and shortest time") {
    speculation.multiplier = 3;
    speculation.quantile = 0.5;
    speculation.task_run_time_min = milliseconds(0);
    stage_of_twenty f(with(speculation));
    f.finish(10, milliseconds(1000));
    f.advance(milliseconds(1900));
    CHECK(f.copies().empty());
    f.advance(milliseconds(200));
    CHECK(f.copies().size() >= 9); // one may find no free core but its original's executor's
  }
}

TEST_CASE("a copy goes to another node as long as there is one") {
  SUBCASE("there is") {
    stage_of_twenty f({}, {"a", "a", "b", "b"});
    const auto slow = f.finish(19);
    REQUIRE(slow.front().executor.value >= 2);
    f.advance(std::chrono::seconds(1));
    REQUIRE(f.copies().size() == 1);
    CHECK(f.copies().front().executor.value < 2);
  }
  SUBCASE("but it is suspected") {
    stage_of_twenty f({}, {"a", "a", "b", "b"});
    f.finish(19);
    f.suspect(0);
    f.suspect(1);
    f.advance(std::chrono::seconds(1));
    CHECK(f.copies().size() == 1);
  }
  SUBCASE("there is none") {
    stage_of_twenty f({}, {"a", "a", "a", "a"});
    f.finish(19);
    f.advance(std::chrono::seconds(1));
    CHECK(f.copies().size() == 1);
  }
}

TEST_CASE("with one executor there is nothing to be gained, and nobody looks") {
  driver_fixture f;
  f.join_executor(0, 20);
  f.submit(f.map(f.source(20)));
  while (f.running.size() > 1)
    f.succeed(f.running.begin()->first);
  CHECK(f.all<wake_at>().empty());
  f.advance(std::chrono::seconds(10));
  CHECK(f.running.size() == 1);
  SUBCASE("until a second one comes") {
    f.join_executor(1, 20);
    f.advance(std::chrono::seconds(1));
    CHECK(f.running.size() == 2);
  }
}

TEST_CASE("a task that waits at its executor for a core does not count as running") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.map(f.source(400)));
  task_succeeded quick;
  quick.run_time = std::chrono::microseconds(200);
  while (f.launches.size() < 330 || f.on(0).size() < 5) {
    f.now += std::chrono::microseconds(100);
    f.succeed(f.running.begin()->first, quick);
  }
  REQUIRE(!f.finished(job));
  // Each of those sent ahead takes 90 ms: the last of them waits for long, but none runs for 100 ms.
  task_succeeded slower;
  slower.run_time = milliseconds(90);
  while (f.on(0).size() > 1) {
    f.now += milliseconds(90);
    f.succeed(f.on(0).front().task, slower);
    f.tell(tick{});
    for (const auto& task : f.on(1))
      f.succeed(task.task, quick);
  }
  CHECK(f.all<cancel_tasks>().empty());
  for (const auto& task : f.launches)
    CHECK(task.attempt == 0);
}

TEST_CASE("tasks that are stuck behind a slow one at its executor are copied with it") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.map(f.source(400)));
  task_succeeded quick;
  quick.run_time = std::chrono::microseconds(200);
  while (f.launches.size() < 330 || f.on(0).size() < 5) {
    f.now += std::chrono::microseconds(100);
    f.succeed(f.running.begin()->first, quick);
  }
  while (!f.on(1).empty()) {
    f.now += std::chrono::microseconds(100);
    f.succeed(f.on(1).front().task, quick);
  }
  const auto stuck = f.on(0).size();
  REQUIRE(stuck > 1);
  f.advance(milliseconds(200));
  for (int i = 0; i < 400 && !f.finished(job); ++i) {
    for (const auto& task : f.on(1))
      f.succeed(task.task, quick);
    f.advance(milliseconds(1));
  }
  CHECK(f.finished(job));
  CHECK(f.counts(job).speculative_won == stuck);
}

TEST_CASE("what runs on a suspected executor is copied at once, in stages of any size") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 2);
  const auto job = f.submit(f.map(f.source(2)));
  const auto lonely = f.on(0).front();
  f.suspect(0);
  REQUIRE(f.on(1).size() == 2);
  SUBCASE("and if the executor speaks again, the first of the two to succeed counts") {
    f.recover(0);
    f.succeed(lonely.task);
    f.run_until_idle();
    CHECK(f.finished(job));
    CHECK(f.counts(job).speculative_launched == 1);
    CHECK(f.counts(job).speculative_won == 0);
  }
  SUBCASE("and if it dies, its task is not started a third time") {
    f.lose(0);
    CHECK(f.running.size() == 2);
    f.run_until_idle();
    CHECK(f.finished(job));
    CHECK(f.launches.size() == 3);
    CHECK(f.counts(job).tasks_lost == 1);
  }
}

TEST_CASE("a copy that found no core yet is not needed when the suspected executor speaks again") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.map(f.source(2)));
  f.suspect(0);
  CHECK(f.running.size() == 2); // no core is free
  f.recover(0);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.launches.size() == 2);
}

TEST_CASE("when one of two attempts fails the other goes on, and the task is not started again") {
  stage_of_twenty f;
  const auto slow = f.finish(19);
  f.advance(std::chrono::seconds(1));
  const auto copy = f.copies().front();
  SUBCASE("the original") {
    f.fail(slow.front().task);
    CHECK(f.running.size() == 1);
    f.succeed(copy.task);
  }
  SUBCASE("the copy") {
    f.fail(copy.task);
    CHECK(f.attempts_of(stage_id{0}, copy.partition).front().task == slow.front().task);
    f.succeed(slow.front().task);
  }
  SUBCASE("the executor of the original") {
    f.lose(slow.front().executor.value);
    CHECK(f.running.size() == 1);
    f.succeed(copy.task);
  }
  SUBCASE("both, and then it is") {
    f.fail(copy.task);
    f.fail(slow.front().task);
    REQUIRE(f.running.size() == 1);
    f.succeed(f.only().task);
  }
  CHECK(f.finished(f.job));
}

TEST_CASE("failures of copies count as failures of the task, their cancellation does not") {
  stage_of_twenty f;
  const auto slow = f.finish(19);
  for (int i = 0; i < 3; ++i) {
    f.advance(std::chrono::seconds(1));
    REQUIRE(f.copies().size() + f.select([](const auto& t) { return t.attempt > 1; }).size() == 1);
    f.fail(std::prev(f.running.end())->first);
  }
  f.fail(slow.front().task);
  CHECK(f.failure_of(f.job).text.find("failed 4 times") != std::string::npos);
  stage_of_twenty g;
  const auto other = g.finish(19);
  for (int i = 0; i < 10; ++i) {
    g.advance(std::chrono::seconds(1));
    REQUIRE(g.running.size() == 2);
    g.fail(std::prev(g.running.end())->first, task_was_cancelled{});
  }
  g.succeed(other.front().task);
  CHECK(g.finished(g.job));
}

TEST_CASE("the map output of the slower attempt is discarded") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 4; ++i)
    f.join_executor(i, 5);
  const auto reduced = f.shuffle(f.source(20), 1);
  const auto job = f.submit(reduced);
  while (f.running.size() > 1)
    f.succeed(f.running.begin()->first);
  const auto slow = f.only();
  f.advance(std::chrono::seconds(1));
  REQUIRE(f.running.size() == 2);
  f.succeed(std::prev(f.running.end())->first);
  f.succeed(slow.task);
  const auto discarded = f.now_decided<discard_result>();
  REQUIRE(discarded.size() == 1);
  CHECK(discarded.front().map_output == std::pair(reduced->dependencies[0].shuffle, slow.partition));
  const auto where = f.scheduler.inputs_of(stage_id{1}).shuffles.front().second;
  CHECK(where[slow.partition] != slow.executor);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a copy that cannot fetch retries the stage, while the original goes on and counts") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 10);
  const auto reduced = f.shuffle(f.source(1), 20);
  const auto job = f.submit(reduced);
  const auto holder = f.only().executor;
  f.succeed(f.only().task);
  while (f.running.size() > 1)
    f.succeed(f.running.begin()->first);
  const auto slow = f.only();
  f.advance(std::chrono::seconds(1));
  REQUIRE(f.running.size() == 2);
  f.fail_fetch(std::prev(f.running.end())->first, reduced->dependencies[0].shuffle, 0, holder);
  CHECK(f.attempts_of(stage_id{1}, slow.partition).size() == 1);
  f.succeed(slow.task);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_succeeded == 21);
}

TEST_CASE("a task of an earlier attempt of the stage is copied too") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 10);
  const auto reduced = f.shuffle(f.source(1), 2);
  const auto job = f.submit(reduced);
  const auto holder = f.only().executor;
  f.succeed(f.only().task);
  const auto slow = f.task_of(stage_id{1}, 0);
  f.fail_fetch(f.task_of(stage_id{1}, 1).task, reduced->dependencies[0].shuffle, 0, holder);
  f.run_stage(stage_id{0});
  REQUIRE(f.task_of(stage_id{1}, 1).stage_attempt == 1);
  f.suspect(slow.executor.value);
  const auto both = f.attempts_of(stage_id{1}, 0);
  REQUIRE(both.size() == 2);
  CHECK(both.back().stage_attempt == 1);
  SUBCASE("its copy may win") {
    f.succeed(both.back().task);
    CHECK(f.running.at(slow.task).cancelled);
  }
  SUBCASE("or it") {
    f.succeed(slow.task);
    CHECK(f.running.at(both.back().task).cancelled);
  }
  SUBCASE("or the copy fails") {
    f.fail(both.back().task);
    CHECK(f.attempts_of(stage_id{1}, 0).size() == 1);
  }
  SUBCASE("or it is lost") {
    f.lose(slow.executor.value);
    CHECK(f.attempts_of(stage_id{1}, 0).size() == 1);
  }
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("actions with effects of their own are not run twice for speed") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 4; ++i)
    f.join_executor(i, 5);
  const auto job = f.submit_unrepeatable(f.map(f.source(20)));
  while (f.running.size() > 1)
    f.succeed(f.running.begin()->first);
  f.advance(std::chrono::seconds(10));
  f.suspect(f.only().executor.value);
  CHECK(f.running.size() == 1);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a stage that has lost inputs copies nothing: its tasks may have read them, a copy could not") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 10);
  const auto job = f.submit(f.shuffle(f.source(1), 20));
  const auto holder = f.only().executor;
  f.succeed(f.only().task);
  while (!f.on(holder.value).empty())
    f.succeed(f.on(holder.value).front().task);
  while (f.running.size() > 1)
    f.succeed(f.running.begin()->first);
  f.lose(holder.value);
  f.advance(std::chrono::seconds(10));
  CHECK(f.running.size() == 1);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("the median is that of all durations, to a tenth of their number") {
  run_times times;
  CHECK(times.median() == std::chrono::microseconds(0));
  for (int i = 1; i <= 9; ++i)
    times.add(std::chrono::microseconds((i * 7) % 10));
  CHECK(times.median() == std::chrono::microseconds(5));
  times.add(std::chrono::microseconds(100));
  CHECK(times.median() == std::chrono::microseconds(6));
}
