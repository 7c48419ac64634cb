#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;

namespace {

/// Stage 0 (two map tasks), stage 1 (its results, in three partitions), on three executors: map task p ran on executor p.
struct two_stages : driver_fixture {
  explicit two_stages(bool declared = false, bool repeatable = true) {
    for (std::uint32_t i = 0; i < 3; ++i)
      join_executor(i, 1);
    mapped = map(source(2));
    mapped->indeterminate = declared;
    reduced = shuffle(mapped, 3);
    job = repeatable ? submit(reduced) : submit_unrepeatable(reduced);
    succeed_with(task_of(stage_id{0}, 0).task, 100);
    succeed_with(task_of(stage_id{0}, 1).task, 200);
    REQUIRE(of(stage_id{1}).size() == 3);
  }
  /// One result is in, then the output of map partition 1 goes with executor 1, and a task that needs it notices.
  void lose_output() {
    lose(1);
    fail_fetch(task_of(stage_id{1}, 2).task, reduced->dependencies[0].shuffle, 1, executor_id{1});
    REQUIRE(of(stage_id{0}).size() == 1);
  }
  dataset mapped;
  dataset reduced;
  job_id job;
};

} // namespace

TEST_CASE("a map output that is made again with the same contents costs nobody anything") {
  two_stages f;
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.lose_output();
  f.succeed_with(f.of(stage_id{0}).front().task, 200);
  CHECK(f.all<withdraw_results>().empty());
  f.run_until_idle();
  CHECK(f.finished(f.job));
  CHECK(f.counts(f.job).stages_rolled_back == 0);
  CHECK_FALSE(f.noticed("other contents"));
}

TEST_CASE("a map output that is made again with other contents withdraws results, fences attempts and starts the stage over") {
  two_stages f;
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.lose_output();
  REQUIRE(f.results_of(f.job) == std::set{0U});
  const auto late = f.select([](const auto& t) { return t.stage == stage_id{1}; });
  f.succeed_with(f.of(stage_id{0}).front().task, 999);
  REQUIRE(f.all<withdraw_results>().size() == 1);
  CHECK(f.results_of(f.job).empty());
  CHECK(f.noticed("map partition 1 of stage 0.1 (map at x.cpp:1) was recomputed with other contents"));
  CHECK(f.noticed("make it deterministic"));
  for (const auto& task : late) {
    CHECK(f.running.at(task.task).cancelled);
    f.succeed(task.task); // it did not notice
    CHECK(f.now_decided<deliver_result>().empty());
  }
  f.run_until_idle();
  CHECK(f.finished(f.job));
  CHECK(f.results_of(f.job) == std::set{0U, 1U, 2U});
  CHECK(f.counts(f.job).stages_rolled_back == 1);
  std::multiset<std::uint32_t> again;
  for (const auto& task : f.launches)
    if (task.stage == stage_id{1} && task.stage_attempt > 0)
      again.insert(task.partition);
  CHECK(again == std::multiset{0U, 1U, 2U});
}

TEST_CASE("contents that nobody can have read may change") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto job = f.submit(f.shuffle(f.map(f.source(2)), 2));
  const auto first = f.on(0).front();
  f.succeed_with(first.task, 100);
  f.lose(0); // before the map stage was complete
  f.succeed_with(f.on(1).front().task, 200);
  f.succeed_with(f.task_of(stage_id{0}, first.partition).task, 999);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).stages_rolled_back == 0);
}

TEST_CASE("unknown fingerprints are not compared") {
  two_stages f;
  f.lose_output();
  f.succeed(f.of(stage_id{0}).front().task);
  f.run_until_idle();
  CHECK(f.counts(f.job).stages_rolled_back == 0);
  CHECK(f.finished(f.job));
}

TEST_CASE("the warning about other contents comes once for a stage") {
  two_stages f;
  for (std::uint64_t print = 1; print <= 3; ++print) {
    const auto where = f.scheduler.inputs_of(stage_id{1}).shuffles.front().second;
    const auto holder = where[1];
    f.lose(holder.value);
    f.join_executor(10 + static_cast<std::uint32_t>(print), 1);
    f.fail_fetch(f.of(stage_id{1}).front().task, f.reduced->dependencies[0].shuffle, 1, holder);
    while (!f.of(stage_id{0}).empty()) {
      const auto task = f.of(stage_id{0}).front();
      f.succeed_with(task.task, task.partition == 1 ? print : 100);
    }
    for (const auto& task : f.of(stage_id{1}))
      if (task.cancelled)
        f.answer(task.task);
    REQUIRE(!f.of(stage_id{1}).empty());
  }
  std::size_t warnings = 0;
  for (const auto& text : f.notices())
    warnings += text.find("other contents") != std::string::npos ? 1 : 0;
  CHECK(warnings == 1);
  f.run_until_idle();
  CHECK(f.finished(f.job));
}

TEST_CASE("everything that was made from changed contents is made again, however far away") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 4; ++i)
    f.join_executor(i, 1);
  const auto a = f.shuffle(f.source(1), 1, "a");
  const auto b = f.shuffle(a, 1, "b");
  const auto other = f.shuffle(f.source(1), 1, "other");
  const auto job = f.submit(f.zip({f.join({b, a}, 2), f.join({other, b}, 2)}));
  const auto shuffle = a->dependencies[0].shuffle;
  // All map stages run; the map output of `a` is then lost, and made again with other contents.
  while (f.results_of(job).empty() && f.all<deliver_result>().empty()) {
    const auto task = f.running.begin()->second;
    if (task.stage.value == 5 + f.scheduler.inputs_of(stage_id{0}).shuffles.size() && task.partition == 1)
      break;
    f.succeed_with(task.task, 100 + task.stage.value);
  }
  REQUIRE(f.results_of(job).size() == 1);
  const auto before = f.launches.size();
  const auto owner = f.scheduler.program_of(f.running.begin()->second.stage);
  REQUIRE(owner.map_child == nullptr);
  const auto result_stage = f.running.begin()->second.stage;
  const auto fetch_from = f.scheduler.inputs_of(stage_id{1}).shuffles;
  REQUIRE(fetch_from.front().first == shuffle);
  // The readers of `a`: the stage after it, and the join.
  f.fail_fetch(f.running.begin()->first, f.scheduler.inputs_of(result_stage).shuffles.front().first, 0,
               f.scheduler.inputs_of(result_stage).shuffles.front().second[0]);
  f.lose(fetch_from.front().second[0].value);
  f.join_executor(9, 1);
  std::set<std::string> made_again;
  while (!f.running.empty()) {
    const auto task = f.running.begin()->second;
    const auto program = f.scheduler.program_of(task.stage);
    if (task.cancelled) {
      f.answer(task.task);
      continue;
    }
    const bool changed = program.map_child && program.map_child->dependencies[program.map_dependency].shuffle == shuffle;
    f.succeed_with(task.task, changed ? 7777 : 100 + task.stage.value);
  }
  CHECK(f.finished(job));
  std::set<std::string> titles;
  for (auto i = before; i < f.launches.size(); ++i)
    titles.insert(std::to_string(f.launches[i].stage.value));
  CHECK(f.counts(job).stages_rolled_back >= 3); // both joins' map sides of what was made from `a`, and the result
  CHECK(f.results_of(job).size() == 2);
}

TEST_CASE("shuffles of finished jobs that were made from changed contents are not used again") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 1);
  const auto a = f.shuffle(f.source(1), 1, "a");
  const auto b = f.shuffle(a, 1, "b");
  f.submit(b);
  const auto holder = f.only().executor;
  f.succeed_with(f.only().task, 1);
  f.succeed_with(f.only().task, 2);
  f.run_until_idle();
  // Another job reads `a` alone. Its output cannot be had, and is made again differently.
  const auto second = f.submit(a);
  f.fail_fetch(f.only().task, a->dependencies[0].shuffle, 0, holder);
  f.succeed_with(f.only().task, 999);
  f.run_until_idle();
  CHECK(f.finished(second));
  const auto third = f.submit(b);
  f.run_until_idle();
  CHECK(f.finished(third));
  CHECK(f.counts(third).stages_run == 2); // `b` was computed again, from what `a` is now
}

TEST_CASE("cached blocks made from changed contents are dropped, also those that a late attempt brings") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 1);
  const auto untouched = f.map(f.source(3), "untouched");
  untouched->cached = true;
  const auto reduced = f.shuffle(f.map(f.source(1)), 3);
  reduced->cached = true;
  const auto job = f.submit(f.zip({reduced, untouched}));
  const auto holder = f.only().executor;
  f.succeed_with(f.only().task, 1);
  task_succeeded caching;
  caching.cached = {{reduced->id, 0}, {untouched->id, 0}};
  f.succeed(f.task_of(stage_id{1}, 0).task, caching);
  const auto late = f.task_of(stage_id{1}, 1);
  const auto failing = f.task_of(stage_id{1}, 2);
  f.fail_fetch(failing.task, reduced->dependencies[0].shuffle, 0, holder);
  f.succeed_with(f.task_of(stage_id{0}, 0).task, 2);
  const auto dropped = f.now_decided<drop_cached>();
  REQUIRE(dropped.size() == 1);
  CHECK(dropped.front().dataset == reduced->id);
  CHECK(dropped.front().executor == no_executor);
  CHECK(f.scheduler.cached_partitions(reduced->id) == 0);
  CHECK(f.scheduler.cached_partitions(untouched->id) == 1);
  caching.cached = {{reduced->id, 1}};
  f.succeed(late.task, caching);
  CHECK(f.scheduler.cached_partitions(reduced->id) == 0);
  REQUIRE(f.now_decided<drop_cached>().size() == 1);
  CHECK(f.now_decided<drop_cached>().front().executor == late.executor);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a stage that two jobs share rolls both back") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 2);
  const auto shared = f.shuffle(f.source(1), 2);
  const auto one = f.submit(shared);
  const auto two = f.submit(f.map(shared));
  const auto holder = f.only().executor;
  f.succeed_with(f.only().task, 1);
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.succeed(f.task_of(stage_id{2}, 0).task);
  f.fail_fetch(f.task_of(stage_id{2}, 1).task, shared->dependencies[0].shuffle, 0, holder);
  f.succeed_with(f.of(stage_id{0}).front().task, 2);
  CHECK(f.results_of(one).empty());
  CHECK(f.results_of(two).empty());
  f.run_until_idle();
  CHECK(f.finished(one));
  CHECK(f.finished(two));
}

TEST_CASE("effects that have happened cannot be rolled back, so the job fails and says so") {
  two_stages f(false, false);
  const auto shared = f.submit(f.map(f.reduced)); // another job over the same shuffle, which can be
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.lose_output();
  f.succeed_with(f.of(stage_id{0}).front().task, 999);
  const auto why = f.failure_of(f.job);
  CHECK(why.code == static_cast<std::uint8_t>(errc::stage_aborted));
  CHECK(why.text.find("map partition 1 of stage 0.1 (map at x.cpp:1) was recomputed with other contents") == 0);
  CHECK(why.text.find("after 1 task of stage 1.0") != std::string::npos);
  CHECK(why.text.find("cannot roll back") != std::string::npos);
  f.run_until_idle();
  CHECK(f.finished(shared));
}

TEST_CASE("what a job that had to fail had made from the old contents is not used by the next one") {
  driver_fixture f;
  for (std::uint32_t i = 0; i < 3; ++i)
    f.join_executor(i, 1);
  const auto cached = f.map(f.shuffle(f.source(2), 2));
  cached->cached = true;
  const auto final = f.shuffle(cached, 3);
  const auto job = f.submit_unrepeatable(final);
  f.succeed_with(f.task_of(stage_id{0}, 0).task, 100);
  f.succeed_with(f.task_of(stage_id{0}, 1).task, 200);
  for (std::uint32_t p = 0; p < 2; ++p) {
    task_succeeded done;
    done.output_fingerprint = 300 + p;
    done.cached = {{cached->id, p}};
    f.succeed(f.task_of(stage_id{1}, p).task, done);
  }
  f.succeed(f.task_of(stage_id{2}, 0).task);
  f.lose(1); // with one output of each shuffle; the others stay
  f.succeed_with(f.of(stage_id{0}).front().task, 999);
  REQUIRE(f.failure_of(job).code == static_cast<std::uint8_t>(errc::stage_aborted));
  CHECK(f.scheduler.cached_partitions(cached->id) == 0);
  const auto next = f.submit(final);
  f.run_until_idle();
  CHECK(f.finished(next));
  CHECK(f.launched_partitions(stage_id{4}, 0) == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE("an action with effects of its own starts over if none of its tasks has finished") {
  two_stages f(false, false);
  f.lose_output();
  f.succeed_with(f.of(stage_id{0}).front().task, 999);
  f.run_until_idle();
  CHECK(f.finished(f.job));
  CHECK(f.counts(f.job).stages_rolled_back == 1);
}

TEST_CASE("a stage that is declared indeterminate runs as a whole again, and takes its consumers with it before it does") {
  two_stages f(true);
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.fail_fetch(f.task_of(stage_id{1}, 2).task, f.reduced->dependencies[0].shuffle, 1, executor_id{1});
  CHECK(f.results_of(f.job).empty());
  f.run_until_idle();
  CHECK(sorted(f.launched_partitions(stage_id{0}, 1)) == std::vector{0U, 1U});
  CHECK(f.finished(f.job));
  CHECK(f.results_of(f.job).size() == 3);
  CHECK(f.counts(f.job).stages_rolled_back == 1);
}

TEST_CASE("a stage that is declared indeterminate and has lost outputs before anybody read them runs these only") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto mapped = f.map(f.source(2));
  mapped->indeterminate = true;
  const auto job = f.submit(f.shuffle(mapped, 2));
  f.succeed(f.on(0).front().task);
  f.lose(0);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.launches.size() == 5);
  CHECK(f.counts(job).stages_rolled_back == 0);
}

TEST_CASE("a stage that is declared indeterminate fails a job whose effects have happened") {
  two_stages f(true, false);
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.fail_fetch(f.task_of(stage_id{1}, 2).task, f.reduced->dependencies[0].shuffle, 1, executor_id{1});
  CHECK(f.failure_of(f.job).text.find("which is declared indeterminate, was recomputed") != std::string::npos);
  f.run_until_idle();
  CHECK(f.scheduler.idle());
}

TEST_CASE("a shuffle that is released in the middle of its job and made again with other contents is noticed") {
  two_stages f;
  f.succeed(f.task_of(stage_id{1}, 0).task);
  f.tell(shuffle_released{f.reduced->dependencies[0].shuffle});
  f.fail_fetch(f.task_of(stage_id{1}, 2).task, f.reduced->dependencies[0].shuffle, 1, executor_id{1});
  REQUIRE(f.of(stage_id{0}).size() + f.of(stage_id{1}).size() > 1);
  while (!f.running.empty()) {
    const auto task = f.running.begin()->second;
    if (task.cancelled)
      f.answer(task.task);
    else
      f.succeed_with(task.task, task.stage == stage_id{0} ? 5000 + task.partition : 0);
  }
  CHECK(f.finished(f.job));
  CHECK(f.counts(f.job).stages_rolled_back == 1);
}
