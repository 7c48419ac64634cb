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

TEST_CASE("the tasks of a lost executor run elsewhere, and its late messages are refused") {
  driver_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto job = f.submit(f.source(4));
  const auto lost = f.on(0);
  REQUIRE(lost.size() == 2);
  f.lose(0);
  CHECK(f.scheduler.total_cores() == 2);
  task_succeeded late;
  late.task = lost[0].task;
  late.executor = executor_id{0};
  late.cached = {{rdd_id{0}, 0}};
  f.tell(late);
  CHECK(f.last.size() == 1);
  CHECK(f.now_decided<discard_result>().size() == 1);
  CHECK(f.scheduler.cached_partitions(rdd_id{0}) == 0);
  f.tell(executor_joined{executor_id{0}, 2});
  CHECK(f.scheduler.total_cores() == 2);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_lost == 2);
  CHECK(f.counts(job).tasks_failed == 0);
  CHECK(f.counts(job).tasks_succeeded == 4);
}

TEST_CASE("finished map tasks of a lost executor run again while their stage is running") {
  driver_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto job = f.submit(f.shuffle(f.source(5), 1));
  const auto done = f.on(0)[0];
  f.succeed(done.task);
  f.lose(0);
  f.run_until_idle();
  CHECK(f.finished(job));
  const auto launched = f.launched_partitions(stage_id{0}, 0);
  CHECK(std::count(launched.begin(), launched.end(), done.partition) == 2);
  CHECK(f.counts(job).tasks_resubmitted == 1);
  CHECK(f.counts(job).stage_retries == 0);
}

TEST_CASE("a reduce stage with tasks to launch waits until lost map outputs are there again") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.shuffle(f.source(4), 4));
  f.run_stage(stage_id{0});
  const auto survivor = f.on(1)[0];
  f.lose(0);
  CHECK(f.running.size() == 1);
  f.succeed(survivor.task);
  CHECK(f.only().stage == stage_id{0});
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.launched_partitions(stage_id{0}, 1) == vec{0, 2});
  CHECK(f.launched_partitions(stage_id{1}, 1).size() == 3);
}

TEST_CASE("lost map outputs that all running tasks may have read are not made again") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto shuffled = f.shuffle(f.source(2), 1);
  const auto job = f.submit(shuffled);
  f.run_stage(stage_id{0});
  const auto reader = f.only();
  const auto other = reader.executor == executor_id{0} ? 1U : 0U;
  f.lose(other);
  CHECK(f.only().task == reader.task);
  SUBCASE("unless a later job needs them") {
    f.run_until_idle();
    CHECK(f.finished(job));
    const auto next = f.submit(shuffled);
    f.run_until_idle();
    CHECK(f.counts(next).stages_skipped == 0);
    CHECK(f.counts(next).tasks_succeeded == 2);
  }
  SUBCASE("unless the reader has to run again") {
    f.fail(reader.task);
    CHECK(f.only().stage == stage_id{0});
    f.run_until_idle();
    CHECK(f.finished(job));
    CHECK(f.launched_partitions(stage_id{0}, 1).size() == 1);
  }
}

TEST_CASE("a skipped stage that has to run after all counts as run") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto shuffled = f.shuffle(f.source(1), 2);
  f.submit(shuffled);
  f.run_until_idle();
  const auto job = f.submit(shuffled);
  f.lose(0);
  f.join_executor(1, 1);
  f.run_until_idle();
  CHECK(f.counts(job).stages_run == 2);
  CHECK(f.counts(job).stages_skipped == 0);
}

TEST_CASE("losing executors for reasons of their own never fails a job") {
  driver_fixture f;
  const auto job = f.submit(f.source(10));
  for (std::uint32_t id = 0; id < 10; ++id) {
    f.join_executor(id, 2);
    // Of the two tasks that run, the one that an executor has died under before comes to its end.
    const auto before = f.on(id);
    REQUIRE(!before.empty());
    const auto careful = std::find_if(before.begin(), before.end(), [](const launched& t) { return t.careful; });
    f.succeed(careful == before.end() ? before[0].task : careful->task);
    if (!f.running.empty())
      f.lose(id, "killed by signal 9", {{f.running.rbegin()->first, ""}});
  }
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_failed == 0);
}

TEST_CASE("a task that ends four executors fails the job, is careful from the second time on, and is named") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto job = f.submit(f.source(1));
  for (std::uint32_t id = 0; id < 4; ++id) {
    CHECK(f.only().careful == (id > 0));
    const auto task = f.only().task;
    f.join_executor(id + 1, 1);
    f.lose(id, "exited with code 42", {{task, "map at x.cpp:3, record 17"}});
  }
  const auto why = f.failure_of(job);
  CHECK(is(why, errc::executor_lost));
  CHECK(contains(why.text, "Task 0 in stage 0.0 (source at x.cpp:0) ended 4 executors, last: executor 3 exited with code 42 while "
                           "running map at x.cpp:3, record 17"));
  CHECK(why.attempts.size() == 4);
  CHECK(why.attempts[0].executor == executor_id{0});
  const auto next = f.submit(f.source(1));
  f.run_until_idle();
  CHECK(f.finished(next));
}

TEST_CASE("a reduce task that ends the executors which hold its inputs is found out as well") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto job = f.submit(f.shuffle(f.source(1), 1));
  for (std::uint32_t id = 0; id < 4; ++id) {
    f.run_stage(stage_id{0});
    REQUIRE(f.only().stage == stage_id{1});
    f.lose(id, "killed by signal 11");
    f.join_executor(id + 1, 1);
  }
  CHECK(is(f.failure_of(job), errc::executor_lost));
}

TEST_CASE("executor deaths and other failures of a task add up once two executors have died") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto job = f.submit(f.source(1));
  f.fail(f.only().task);
  f.fail(f.only().task);
  f.lose(0);
  f.join_executor(1, 1);
  f.fail(f.only().task); // the third; one death may have been anybody's doing
  CHECK(f.running.size() == 1);
  f.lose(1);
  CHECK(is(f.failure_of(job), errc::executor_lost));
}

TEST_CASE("only the tasks that positions name are suspects") {
  driver_fixture f;
  f.join_executor(0, 2);
  f.submit(f.source(2));
  const auto named = f.task_of(stage_id{0}, 1).task;
  f.lose(0, "killed by signal 11", {{named, "map"}});
  f.join_executor(1, 2);
  CHECK(!f.task_of(stage_id{0}, 0).careful);
  CHECK(f.task_of(stage_id{0}, 1).careful);
}

TEST_CASE("executors that die together blame a task for the one it ran on") {
  driver_fixture f;
  for (std::uint32_t id = 0; id < 6; ++id)
    f.join_executor(id, 1);
  const auto job = f.submit(f.source(1));
  // The scheduler hears of one after the other, and sends the task to the next one, which is dead already and never began it.
  for (int i = 0; i < 6; ++i) {
    const auto task = f.only();
    std::vector<std::pair<task_id, std::string>> begun;
    if (i == 0)
      begun.emplace_back(task.task, "map");
    f.lose(task.executor.value, "killed by signal 9", begun);
  }
  f.join_executor(6, 1);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("an executor that the scheduler ends blames none of its tasks, wherever they are") {
  scheduler_options options;
  options.exclusion.application = true;
  options.exclusion.kill_excluded = true;
  options.exclusion.application_failed_tasks_per_executor_max = 1;
  driver_fixture f(options);
  f.join_executor(0, 2);
  const auto innocent = f.submit(f.source(1));
  for (std::uint32_t id = 0; id < 4; ++id) {
    const auto flaky = f.submit(f.source(1));
    const auto stage = std::prev(f.running.end())->second.stage;
    f.fail(f.of(stage).at(0).task);
    f.succeed(f.of(stage).at(0).task);
    REQUIRE(f.finished(flaky));
    REQUIRE(f.all<kill_executor>().size() == id + 1);
    f.lose(id, "killed: is excluded", {{f.of(stage_id{0}).at(0).task, "map"}});
    f.join_executor(id + 1, 2);
  }
  f.run_until_idle();
  CHECK(f.finished(innocent));
}

TEST_CASE("of tasks sent ahead only the oldest are suspects") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.submit(f.source(100));
  task_succeeded quick;
  quick.run_time = std::chrono::microseconds(100);
  while (f.running.size() < 6)
    f.succeed(f.running.begin()->first, quick);
  const auto oldest = f.running.begin()->second.partition;
  const auto ahead = f.running.size();
  f.lose(0);
  f.join_executor(1, static_cast<std::uint32_t>(ahead));
  for (const auto& task : f.on(1))
    CHECK(task.careful == (task.partition == oldest));
}

TEST_CASE("a suspected executor gets nothing new until it recovers") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto job = f.submit(f.source(3));
  f.tell(executor_suspected{executor_id{0}});
  f.succeed(f.only().task);
  CHECK(f.running.empty());
  f.tell(tick{});
  CHECK(f.running.empty());
  f.tell(executor_recovered{executor_id{0}});
  CHECK(f.running.size() == 1);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("when no executor will come any more all jobs fail, later ones too, until one joins") {
  driver_fixture f;
  const auto job = f.submit(f.source(2));
  f.tell(executors_exhausted{"five of them ended within 30 s"});
  CHECK(is(f.failure_of(job), errc::no_executors));
  CHECK(contains(f.failure_of(job).text, "five of them ended within 30 s"));
  CHECK(is(f.failure_of(f.submit(f.source(2))), errc::no_executors));
  CHECK(f.scheduler.idle());
  f.join_executor(0);
  const auto next = f.submit(f.source(2));
  f.run_until_idle();
  CHECK(f.finished(next));
}

TEST_CASE("an executor that joins gets work at once") {
  driver_fixture f;
  f.submit(f.source(8));
  CHECK(f.running.empty());
  f.join_executor(0, 2);
  CHECK(f.on(0).size() == 2);
  f.join_executor(1, 3);
  CHECK(f.on(1).size() == 3);
}

TEST_CASE("losing a cached block in the middle of a job brings back the shuffle behind it") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto cached = f.map(f.shuffle(f.source(2), 4));
  cached->cached = true;
  f.submit(cached);
  f.run_stage(stage_id{0});
  while (!f.running.empty())
    f.succeed_caching(f.running.begin()->first, cached);
  const auto job = f.submit(f.map(cached));
  REQUIRE(f.running.size() == 2);
  f.lose(0);
  f.run_until_idle();
  CHECK(f.finished(job));
  // One map output and two of four blocks were on the executor that went.
  CHECK(f.counts(job).stages_run == 2);
  CHECK(f.counts(job).tasks_succeeded == 5);
}

TEST_CASE("a stage that was told to read a shuffle is told anew when part of it is lost, though a dataset cached since stands before it") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto cached = f.map(f.shuffle(f.source(2), 2));
  cached->cached = true;
  f.submit(cached);
  f.succeed(f.only().task);
  f.suspect(0); // it holds the map outputs, and nothing else is to run there
  f.succeed(f.only().task);
  f.join_executor(1, 1);
  const auto fill_cache = [&] {
    for (int i = 0; i < 2; ++i)
      f.succeed_caching(f.only().task, cached);
  };
  SUBCASE("it began before that") {
    const auto job = f.submit(f.map(cached));
    fill_cache();
    REQUIRE(f.only().stage == stage_id{2});
    f.lose(0);
    f.succeed(f.only().task);
    CHECK(f.only().stage_attempt == 1);
    f.run_until_idle();
    CHECK(f.finished(job));
    CHECK(f.launched_partitions(stage_id{0}, 1).empty());
  }
  SUBCASE("but one that never was to read it goes on") {
    fill_cache();
    const auto job = f.submit(f.map(cached));
    f.lose(0);
    f.succeed(f.only().task);
    CHECK(f.only().stage_attempt == 0);
    f.run_until_idle();
    CHECK(f.finished(job));
  }
}
