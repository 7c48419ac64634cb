#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;
using vec = std::vector<std::uint32_t>;

namespace {

struct kept_fixture : driver_fixture {
  explicit kept_fixture() {
    join_executor(0, 4);
  }
  void succeed_keeping(task_id task) {
    task_succeeded with;
    with.output_kept = true;
    succeed(task, with);
  }
  /// Lets all map tasks of a stage succeed; copies of their outputs lie in files.
  void run_keeping(stage_id stage) {
    for (auto tasks = of(stage); !tasks.empty(); tasks = of(stage))
      succeed_keeping(tasks.front().task);
  }
};

} // namespace

TEST_CASE("map outputs that an earlier start has kept are not computed again") {
  kept_fixture f;
  const auto reduced = f.shuffle(f.source(3), 2);
  f.tell(outputs_found{shuffle_id{0}, 3, {}, {{0, 11}, {1, 12}, {2, 13}}, {}});
  const auto job = f.submit(reduced);
  CHECK(f.of(stage_id{0}).empty());
  REQUIRE(f.of(stage_id{1}).size() == 2);
  CHECK(f.scheduler.inputs_of(stage_id{1}).shuffles.front().second == shuffle_locations(3, kept_files));
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_succeeded == 2);
}

TEST_CASE("of a stage that was under way only the missing partitions run, and what was kept is counted by whoever found it") {
  kept_fixture f;
  f.tell(outputs_found{shuffle_id{0}, 4, {}, {{1, 0}, {3, 0}}, {1, 3}});
  f.submit(f.shuffle(f.source(4), 1));
  CHECK(f.launched_partitions(stage_id{0}, 0) == vec{0, 2});
  f.fail(f.task_of(stage_id{0}, 0).task);
  task_succeeded with;
  with.contributes = true;
  f.succeed(f.task_of(stage_id{0}, 2).task, with);
  CHECK(f.now_decided<count_contributions>().size() == 1);
  // A kept output that cannot be read is computed again, and not counted again.
  f.run_stage(stage_id{0});
  f.fail_fetch(f.of(stage_id{1}).front().task, shuffle_id{0}, 3, kept_files);
  const auto again = f.task_of(stage_id{0}, 3);
  f.succeed(again.task, with);
  CHECK(f.now_decided<count_contributions>().empty());
}

TEST_CASE("the outputs of a lost executor of which there are copies are read from these") {
  kept_fixture f;
  f.join_executor(1, 4);
  const auto job = f.submit(f.shuffle(f.source(4), 2));
  f.run_keeping(stage_id{0});
  const auto before = f.of(stage_id{1});
  f.lose(0);
  f.lose(1);
  f.join_executor(2, 4);
  CHECK(f.of(stage_id{0}).empty());
  CHECK(f.scheduler.inputs_of(stage_id{1}).shuffles.front().second == shuffle_locations(4, kept_files));
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_resubmitted == 0);
}

TEST_CASE("who was told of an executor that has died since hears of the copy in the next attempt of the stage") {
  kept_fixture f;
  f.join_executor(1, 4);
  const auto job = f.submit(f.shuffle(f.source(2), 8));
  f.run_keeping(stage_id{0});
  const auto holder = f.scheduler.inputs_of(stage_id{1}).shuffles.front().second.front();
  const auto reader = f.on(1 - holder.value).front();
  f.lose(holder.value);
  f.fail_fetch(reader.task, shuffle_id{0}, 0, holder);
  CHECK(f.scheduler.inputs_of(stage_id{1}).shuffles.front().second.front() == kept_files);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_resubmitted == 0);
}

TEST_CASE("a copy that cannot be read either is given up, and the output computed again") {
  kept_fixture f;
  const auto job = f.submit(f.shuffle(f.source(2), 1));
  f.run_keeping(stage_id{0});
  f.lose(0);
  f.join_executor(1, 4);
  f.fail_fetch(f.of(stage_id{1}).front().task, shuffle_id{0}, 1, kept_files);
  CHECK(f.task_of(stage_id{0}, 1).partition == 1);
  CHECK(f.noticed("could not be had from the files of this run"));
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_resubmitted == 0); // its stage was over: it begins anew for what is missing
}

TEST_CASE("any number of copies that cannot be read is no reason to give up the job") {
  kept_fixture f;
  f.tell(outputs_found{shuffle_id{0}, 6, {}, {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}}, {}});
  const auto job = f.submit(f.shuffle(f.source(6), 1));
  for (std::uint32_t p = 0; p < 6; ++p) {
    f.fail_fetch(f.running.begin()->first, shuffle_id{0}, p, kept_files);
    f.run_stage(stage_id{0});
  }
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a cached dataset that was found whole hides what it was made from, until a copy of it cannot be read") {
  kept_fixture f;
  const auto reduced = f.shuffle(f.source(3), 2);
  reduced->cached = true;
  f.tell(cached_found{reduced->id, {shuffle_id{0}}, {0, 1}, {0, 1}});
  CHECK_FALSE(f.scheduler.counts({reduced->id, 1}));
  const auto job = f.submit(f.map(reduced));
  CHECK(f.of(stage_id{0}).empty());
  REQUIRE(f.of(stage_id{1}).size() == 2);
  for (const auto& [block, holder] : f.scheduler.inputs_of(stage_id{1}).cached)
    CHECK(holder == kept_files);
  // Executors with blocks in memory are nearer.
  const auto first = f.of(stage_id{1}).front();
  f.succeed_caching(first.task, reduced);
  for (const auto& [block, holder] : f.scheduler.inputs_of(stage_id{1}).cached)
    CHECK(holder == (block.partition == first.partition ? executor_id{0} : kept_files));
  f.tell(block_dropped{kept_files, {reduced->id, 1 - first.partition}});
  f.fail_fetch(f.of(stage_id{1}).front().task, shuffle_id{0}, 0, no_executor);
  CHECK(f.of(stage_id{0}).size() == 3);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("tasks do not wait for the place of a copy") {
  kept_fixture f;
  const auto source = f.source(2);
  source->cached = true;
  f.tell(cached_found{source->id, {}, {0, 1}, {}});
  f.submit(f.map(source));
  CHECK(f.on(0).size() == 2);
}
