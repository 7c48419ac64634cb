#include "driver_fixture.hpp"

#include <salamander/scheduler/barrier.hpp>

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;
using namespace std::chrono_literals;

namespace {

struct barrier_fixture : driver_fixture {
  using driver_fixture::driver_fixture;

  /// rdd.barrier().map_partitions(f)
  dataset together(const dataset& parent) {
    auto made = map(parent, "map_partitions");
    made->barrier = true;
    return made;
  }
  std::size_t wanted() const {
    return select([](const launched& t) { return !t.cancelled; }).size();
  }
  bool failed(job_id job) const {
    const auto over = all<fail_job>();
    return std::any_of(over.begin(), over.end(), [&](const auto& f) { return f.job == job; });
  }
  /// What was cancelled ends, and gives its cores back.
  void end_cancelled() {
    for (const auto& task : select([](const launched& t) { return t.cancelled; }))
      answer(task.task);
  }
};

scheduler_options impatient() {
  scheduler_options options;
  options.barrier.slots_check_interval = 10s;
  options.barrier.slots_check_failures_max = 2;
  return options;
}

bool says(const job_failure& why, const std::string& words) {
  return why.text.find(words) != std::string::npos;
}

} // namespace

TEST_CASE("the tasks of a barrier stage are launched when all of them find a free core, and not before") {
  barrier_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  f.submit(f.source(2));
  CHECK(f.running.size() == 2);
  const auto job = f.submit(f.together(f.source(4)));
  CHECK(f.of(stage_id{1}).empty());
  f.succeed(f.of(stage_id{0}).front().task);
  CHECK(f.of(stage_id{1}).empty()); // three free cores
  f.succeed(f.of(stage_id{0}).front().task);
  CHECK(f.of(stage_id{1}).size() == 4);
  CHECK(f.on(0).size() == 2);
  CHECK(f.on(1).size() == 2);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.scheduler.idle());
}

TEST_CASE("nobody overtakes a barrier stage that waits for cores, and what waits behind it goes on when it is cancelled") {
  bool fair = false;
  SUBCASE("first come first served") {}
  SUBCASE("shared") {
    fair = true;
  }
  scheduler_options options;
  options.fair = fair;
  barrier_fixture f(options);
  f.join_executor(0, 2);
  f.join_executor(1, 1);
  f.submit(f.source(1));
  const auto job = f.submit(f.together(f.source(3)));
  f.submit(f.source(2));
  CHECK(f.running.size() == 1);
  f.tell(job_cancelled{job, "enough"});
  CHECK(f.of(stage_id{2}).size() == 2);
}

TEST_CASE("a task that failed takes all tasks of its barrier stage along, which run again together when the last of them has ended") {
  barrier_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit(f.together(f.source(3)));
  f.succeed(f.task_of(stage_id{0}, 0).task);
  CHECK(f.results_of(job).size() == 1);
  f.fail(f.task_of(stage_id{0}, 1).task, "boom");
  CHECK(f.results_of(job).empty());
  CHECK(f.task_of(stage_id{0}, 0).stage_attempt == 1); // four cores: there was room at once
  CHECK(f.wanted() == 3);
  f.end_cancelled();
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).stage_retries == 1);
  CHECK(f.counts(job).tasks_failed == 1);
  CHECK(f.noticed("all its tasks run again because boom"));
}

TEST_CASE("cancelled tasks of a barrier stage hold their cores until they end") {
  barrier_fixture f;
  f.join_executor(0, 3);
  const auto job = f.submit(f.together(f.source(3)));
  f.fail(f.task_of(stage_id{0}, 1).task);
  CHECK(f.wanted() == 0);
  CHECK(f.running.size() == 2);
  f.end_cancelled();
  CHECK(f.wanted() == 3);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("an executor that is lost takes the whole barrier stage along, which needs as many cores elsewhere") {
  barrier_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto job = f.submit(f.together(f.source(4)));
  f.lose(1);
  CHECK(f.wanted() == 0);
  f.end_cancelled();
  CHECK(f.wanted() == 0); // two cores are not enough
  CHECK(f.noticed("there are 2 (1 executor, 2 slots"));
  f.join_executor(2, 2);
  CHECK(f.wanted() == 4);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_lost == 2);
}

TEST_CASE("a barrier stage that fails again and again is given up after as many attempts as a stage may have") {
  barrier_fixture f;
  f.join_executor(0, 8);
  const auto job = f.submit(f.together(f.source(4)));
  for (std::uint32_t attempt = 0; attempt < 4; ++attempt) {
    REQUIRE_FALSE(f.failed(job));
    f.fail(f.task_of(stage_id{0}, attempt).task, "boom " + std::to_string(attempt)); // never the same task
    f.end_cancelled();
  }
  CHECK(says(f.failure_of(job), "failed 4 times in a row as a whole, most recently because boom 3"));
  CHECK(f.scheduler.idle());
}

TEST_CASE("a task of a barrier stage that fails too often ends its job, as any other does") {
  scheduler_options options;
  options.task_failures_max = 2;
  barrier_fixture f(options);
  f.join_executor(0, 8);
  const auto job = f.submit(f.together(f.source(2)));
  f.fail(f.task_of(stage_id{0}, 1).task);
  f.fail(f.task_of(stage_id{0}, 1).task, "again");
  CHECK(says(f.failure_of(job), "failed 2 times, most recent failure: again"));
}

TEST_CASE("a barrier stage whose effects cannot be undone is not run again once a task of it has succeeded") {
  barrier_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit_unrepeatable(f.together(f.source(2)));
  f.fail(f.task_of(stage_id{0}, 1).task, "first");
  REQUIRE_FALSE(f.failed(job));
  f.end_cancelled();
  f.succeed(f.task_of(stage_id{0}, 0).task);
  f.fail(f.task_of(stage_id{0}, 1).task, "boom");
  CHECK(says(f.failure_of(job), "could not be recovered"));
  CHECK(says(f.failure_of(job), "Most recent failure: boom"));
}

TEST_CASE("a barrier stage that writes map outputs makes all of them again when one is lost") {
  barrier_fixture f;
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto job = f.submit(f.shuffle(f.together(f.source(4)), 2));
  SUBCASE("while it runs") {
    f.succeed(f.on(1).front().task);
  }
  SUBCASE("when it has ended") {
    f.run_stage(stage_id{0});
    REQUIRE(f.of(stage_id{1}).size() == 2);
  }
  f.lose(1);
  f.join_executor(2, 4);
  f.end_cancelled();
  for (const auto& task : f.of(stage_id{1})) // of the two reduce tasks one ran where nothing was lost
    f.fail_fetch(task.task, shuffle_id{0}, 3, executor_id{1});
  CHECK(sorted(f.launched_partitions(stage_id{0}, 1)) == std::vector<std::uint32_t>{0, 1, 2, 3});
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a barrier stage that cannot fetch what it reads starts over with all its tasks, and counts as one failed attempt") {
  scheduler_options options;
  options.stage_attempts_max = 2;
  barrier_fixture f(options);
  f.join_executor(0, 4);
  const auto job = f.submit(f.together(f.shuffle(f.source(1), 3)));
  f.run_stage(stage_id{0});
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.fail_fetch(f.task_of(stage_id{1}, 1).task, shuffle_id{0}, 0, executor_id{0});
  CHECK(f.results_of(job).empty());
  f.end_cancelled();
  f.run_stage(stage_id{0});
  CHECK(f.wanted() == 3);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a job whose barrier stage needs more cores than there are does not begin, and fails when none come") {
  barrier_fixture f(impatient());
  f.join_executor(0, 2);
  const auto job = f.submit(f.together(f.shuffle(f.source(2), 3)));
  CHECK(f.running.empty()); // nor is what comes before it computed
  SUBCASE("none come") {
    f.advance(10s);
    CHECK_FALSE(f.failed(job));
    f.advance(10s);
    CHECK(says(f.failure_of(job), "requires more slots than there are: its 3 tasks need as many slots at the same time, and there are 2"));
    CHECK(says(f.failure_of(job), "salamander.task.cpus"));
    CHECK(f.scheduler.idle());
  }
  SUBCASE("one comes") {
    f.advance(10s);
    f.join_executor(1, 1);
    f.run_until_idle();
    CHECK(f.finished(job));
    CHECK(f.counts(job).stages_run == 2);
  }
}

TEST_CASE("a barrier stage that has lost the cores for another attempt fails its job when none come") {
  barrier_fixture f(impatient());
  f.join_executor(0, 2);
  f.join_executor(1, 2);
  const auto job = f.submit(f.together(f.source(4)));
  f.lose(1);
  f.end_cancelled();
  const auto other = f.submit(f.source(2));
  f.run_until_idle(); // others are not kept from the cores that are not enough
  CHECK(f.finished(other));
  f.advance(10s);
  f.advance(10s);
  CHECK(says(f.failure_of(job), "requires more slots than there are"));
}

TEST_CASE("a job whose barrier stage needs more cores than there are fails at once where no executor will ever come") {
  scheduler_options options;
  options.barrier.slots_max = 2;
  barrier_fixture f(options);
  f.join_executor(0, 1);
  const auto waits = f.submit(f.together(f.source(2))); // another executor is to come
  const auto job = f.submit(f.together(f.source(3)));
  CHECK(says(f.failure_of(job), "there are 1 (1 executor, 1 slot"));
  CHECK_FALSE(f.failed(waits));
  f.join_executor(1, 1);
  f.run_until_idle();
  CHECK(f.finished(waits));
}

TEST_CASE("slots of a barrier stage are tasks that run at once, where a task takes several cores") {
  scheduler_options options;
  options.task_cpus = 2;
  options.barrier.slots_max = 2;
  barrier_fixture f(options);
  f.join_executor(0, 5);
  CHECK(f.failed(f.submit(f.together(f.source(3)))));
  const auto job = f.submit(f.together(f.source(2)));
  CHECK(f.wanted() == 2);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a barrier stage is refused where its tasks would not stand for the partitions of what they compute") {
  barrier_fixture f;
  f.join_executor(0, 8);
  const auto first = f.together(f.source(4));
  job_id job;
  SUBCASE("some of its partitions, as first and take ask for") {
    job = f.submit(first, {0});
  }
  SUBCASE("a partition twice") {
    job = f.submit(first, {0, 1, 2, 2});
  }
  SUBCASE("a union") {
    job = f.submit(f.unite({first, f.source(2)}));
  }
  SUBCASE("coalesced") {
    job = f.submit(f.coalesce(first, {{0, 1}, {2, 3}}));
  }
  SUBCASE("behind a coalesced one, in a stage before a shuffle") {
    job = f.submit(f.shuffle(f.together(f.coalesce(f.source(4), {{0, 1}, {2, 3}})), 2));
  }
  SUBCASE("zipped with another one") {
    job = f.submit(f.zip({first, f.map(f.together(f.source(4)))}));
  }
  CHECK(says(f.failure_of(job), "is a barrier stage, and cannot be run as one: "));
  CHECK(f.launches.empty());
  CHECK(f.scheduler.idle());
}

TEST_CASE("what comes after the shuffle behind a barrier stage may have any number of partitions") {
  barrier_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit(f.coalesce(f.shuffle(f.together(f.map(f.source(4))), 3), {{0, 1}, {2}}), {0});
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a dataset may be made from one barrier dataset and others, and a barrier dataset from another one") {
  barrier_fixture f;
  const auto first = f.together(f.source(4));
  CHECK(barrier_refusal(*f.together(first), 4).empty());
  CHECK(barrier_refusal(*f.zip({first, f.source(4)}), 4).empty());
}

TEST_CASE("the tasks of a barrier stage run once each, however slow they are or silent their executors become") {
  scheduler_options options;
  options.speculation.tasks_min = 1;
  barrier_fixture f(options);
  f.join_executor(0, 20);
  f.join_executor(1, 20);
  f.submit(f.together(f.source(20)));
  for (std::uint32_t p = 0; p < 19; ++p)
    f.succeed(f.task_of(stage_id{0}, p).task);
  f.advance(1h);
  f.suspect(static_cast<std::uint32_t>(f.only().executor.value));
  CHECK(f.running.size() == 1);
}

TEST_CASE("the tasks of a barrier stage are made known together, by partition, before they are sent") {
  barrier_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 2);
  const auto stage = f.together(f.source(3));
  f.submit(stage, {2, 0, 1});
  const auto gangs = f.all<gang_launched>();
  REQUIRE(gangs.size() == 1);
  REQUIRE(gangs[0].tasks.size() == 3);
  for (std::uint32_t p = 0; p < 3; ++p) {
    CHECK(gangs[0].tasks[p].first == f.task_of(stage_id{0}, p).task);
    CHECK(gangs[0].tasks[p].second == f.task_of(stage_id{0}, p).executor);
  }
  const auto kind_of = [](const action& one) { return one.index(); };
  const auto first = [&](std::size_t kind) { return std::ranges::find(f.last, kind, kind_of) - f.last.begin(); };
  CHECK(first(action(gang_launched{}).index()) < first(action(launch_tasks{}).index()));
  f.fail(f.task_of(stage_id{0}, 0).task);
  f.end_cancelled();
  REQUIRE(f.all<gang_launched>().size() == 2);
  CHECK(f.all<gang_launched>()[1].stage_attempt == 1);
}

TEST_CASE("a barrier stage of which only some partitions are cached computes all of them: the others would be waited for") {
  barrier_fixture f;
  f.join_executor(0, 3);
  const auto kept = f.together(f.source(3));
  kept->cached = true;
  const auto after = f.map(kept, "map");
  after->cached = true;
  f.submit(kept);
  for (std::uint32_t p = 0; p < 3; ++p)
    f.succeed_caching(f.task_of(stage_id{0}, p).task, kept);
  f.submit(f.map(kept));
  CHECK(f.all<drop_cached>().empty()); // they are complete
  f.run_until_idle();
  f.tell(block_dropped{executor_id{0}, {kept->id, 1}});
  const auto job = f.submit(after);
  REQUIRE(f.all<drop_cached>().size() == 1);
  CHECK(f.all<drop_cached>()[0].dataset == kept->id);
  CHECK(f.scheduler.inputs_of(stage_id{2}).cached.empty());
  f.succeed_caching(f.task_of(stage_id{2}, 0).task, after);
  f.fail(f.task_of(stage_id{2}, 1).task);
  f.end_cancelled();
  CHECK(f.all<drop_cached>().size() == 2); // of the attempt that failed, one had been kept
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a task of a barrier stage goes where its partition is cached, if there is room") {
  barrier_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  f.join_executor(2, 1);
  const auto cached = f.source(3);
  cached->cached = true;
  f.submit(cached);
  std::map<std::uint32_t, executor_id> homes;
  for (const auto& task : f.of(stage_id{0}))
    homes[task.partition] = task.executor;
  for (std::uint32_t p = 3; p-- > 0;)
    f.succeed_caching(f.task_of(stage_id{0}, p).task, cached);
  f.submit(f.together(cached));
  for (const auto& task : f.of(stage_id{1}))
    CHECK(task.executor == homes[task.partition]);
}

TEST_CASE("an executor on which a task of a barrier stage has failed gets tasks of its next attempt: all cores may be needed") {
  scheduler_options options;
  options.exclusion.tasks_and_stages = true;
  barrier_fixture f(options);
  f.join_executor(0, 1, "a");
  f.join_executor(1, 1, "b");
  const auto job = f.submit(f.together(f.source(2)));
  f.fail(f.task_of(stage_id{0}, 0).task);
  f.end_cancelled();
  CHECK(f.wanted() == 2);
  f.run_until_idle();
  CHECK(f.finished(job));
}
