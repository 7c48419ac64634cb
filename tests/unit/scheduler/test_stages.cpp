#include "driver_fixture.hpp"

using namespace salamander;
using namespace salamander::scheduler;
using namespace salamander::scheduler::testing;
using vec = std::vector<std::uint32_t>;

TEST_CASE("a job without shuffles is one stage with a task for each partition") {
  driver_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit(f.map(f.source(3)));
  CHECK(f.started_stages() == std::vector{stage_id{0}});
  CHECK(f.now_decided<launch_tasks>().size() == 1);
  CHECK(f.launched_partitions(stage_id{0}, 0) == vec{0, 1, 2});
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.scheduler.idle());
  CHECK(f.counts(job).stages_run == 1);
  CHECK(f.counts(job).tasks_succeeded == 3);
}

TEST_CASE("a job over no partitions finishes at once, without executors") {
  driver_fixture f;
  CHECK(f.finished(f.submit(f.source(0))));
  CHECK(f.finished(f.submit(f.shuffle(f.source(3), 2), {})));
  CHECK(f.scheduler.idle());
}

TEST_CASE("results are delivered by their place in the list of partitions") {
  driver_fixture f;
  f.join_executor(0, 4);
  const auto job = f.submit(f.source(9), {7, 2});
  CHECK(f.launched_partitions(stage_id{0}, 0) == vec{7, 2});
  const auto task = f.task_of(stage_id{0}, 2).task;
  f.succeed(task);
  const auto delivered = f.now_decided<deliver_result>();
  REQUIRE(delivered.size() == 1);
  CHECK(delivered[0].index == 1);
  CHECK(delivered[0].task == task);
  CHECK(delivered[0].job == job);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("a partition that does not exist fails the job and nothing else") {
  driver_fixture f;
  f.join_executor(0);
  const auto job = f.submit(f.source(2), {0, 2});
  CHECK(f.failure_of(job).code == static_cast<std::uint8_t>(errc::invalid_argument));
  const auto next = f.submit(f.source(2));
  f.run_until_idle();
  CHECK(f.finished(next));
}

TEST_CASE("lineage is cut at wide dependencies, and parents have lower ids") {
  driver_fixture f;
  f.join_executor(0, 8);
  const auto left = f.shuffle(f.map(f.source(2)), 3);
  const auto right = f.shuffle(f.source(4), 3);
  const auto job = f.submit(f.map(f.join({left, right}, 2)));
  // Stages: source 0 -> left 1, source 2 -> right 3, result 4.
  CHECK(f.started_stages() == std::vector{stage_id{0}, stage_id{2}});
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).stages_run == 5);
  for (std::uint32_t id = 1; id < 5; ++id)
    CHECK(f.launched_partitions(stage_id{id}, 0).size() == std::vector<std::size_t>{2, 3, 4, 3, 2}[id]);
}

TEST_CASE("a shuffle that is reached in two ways is one stage") {
  driver_fixture f;
  f.join_executor(0, 8);
  const auto shared = f.shuffle(f.source(2), 2);
  const auto job = f.submit(f.zip({f.map(shared), f.map(shared), f.shuffle(f.map(shared), 2)}));
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).stages_run == 3);
  CHECK(f.counts(job).tasks_succeeded == 6);
}

TEST_CASE("a map stage whose outputs exist is skipped by later jobs, and so is what is before it") {
  driver_fixture f;
  f.join_executor(0, 8);
  const auto shuffled = f.shuffle(f.shuffle(f.source(3), 2), 2);
  f.submit(shuffled);
  f.run_until_idle();
  const auto job = f.submit(f.map(shuffled));
  f.run_until_idle();
  CHECK(f.counts(job).stages_run == 1);
  CHECK(f.counts(job).stages_skipped == 2);
  CHECK(f.counts(job).tasks_succeeded == 2);
}

TEST_CASE("a released shuffle is computed again") {
  driver_fixture f;
  f.join_executor(0, 8);
  const auto shuffled = f.shuffle(f.source(3), 2);
  f.submit(shuffled);
  f.run_until_idle();
  f.tell(shuffle_released{shuffled->dependencies[0].shuffle});
  const auto job = f.submit(shuffled);
  f.run_until_idle();
  CHECK(f.counts(job).stages_skipped == 0);
  CHECK(f.counts(job).tasks_succeeded == 5);
}

TEST_CASE("a shuffle released in the middle of the job that reads it is computed again") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto shuffled = f.shuffle(f.source(3), 2);
  const auto job = f.submit(shuffled);
  f.run_stage(stage_id{0});
  f.tell(shuffle_released{shuffled->dependencies[0].shuffle});
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).tasks_succeeded == 8);
}

TEST_CASE("a dataset whose partitions are all cached hides its parents") {
  driver_fixture f;
  f.join_executor(0, 8);
  const auto cached = f.map(f.shuffle(f.source(3), 2));
  cached->cached = true;
  f.submit(cached);
  f.run_stage(stage_id{0});
  f.succeed_caching(f.task_of(stage_id{1}, 0).task, cached);
  CHECK(f.scheduler.cached_partitions(cached->id) == 1);
  f.succeed_caching(f.task_of(stage_id{1}, 1).task, cached);
  f.tell(shuffle_released{shuffle_id{0}});

  const auto hidden = f.submit(f.map(cached));
  f.run_until_idle();
  CHECK(f.counts(hidden).stages_skipped == 1);
  CHECK(f.counts(hidden).tasks_succeeded == 2);

  SUBCASE("but not when a block was dropped") {
    f.tell(block_dropped{executor_id{0}, {cached->id, 1}});
    const auto job = f.submit(f.map(cached));
    f.run_until_idle();
    CHECK(f.counts(job).tasks_succeeded == 5);
  }
  SUBCASE("nor when it was unpersisted") {
    f.tell(dataset_unpersisted{cached->id});
    CHECK(f.scheduler.cached_partitions(cached->id) == 0);
    const auto job = f.submit(f.map(cached));
    f.run_until_idle();
    CHECK(f.counts(job).tasks_succeeded == 5);
  }
}

TEST_CASE("the inputs of a stage are the places of its shuffles and of the cached blocks it may read") {
  driver_fixture f;
  f.join_executor(0, 1);
  f.join_executor(1, 1);
  const auto cached = f.source(2);
  cached->cached = true;
  const auto shuffled = f.shuffle(cached, 2);
  f.submit(shuffled);
  f.succeed_caching(f.task_of(stage_id{0}, 0).task, cached);
  f.succeed_caching(f.task_of(stage_id{0}, 1).task, cached);
  const auto inputs = f.scheduler.inputs_of(stage_id{1});
  REQUIRE(inputs.shuffles.size() == 1);
  CHECK(inputs.shuffles[0].first == shuffle_id{0});
  CHECK(inputs.shuffles[0].second == shuffle_locations{executor_id{0}, executor_id{1}});
  CHECK(inputs.cached.empty());
  const auto map_inputs = f.scheduler.inputs_of(stage_id{0});
  CHECK(map_inputs.shuffles.empty());
  REQUIRE(map_inputs.cached.size() == 2);
  CHECK(map_inputs.cached[1].first.partition == 1);
  CHECK(map_inputs.cached[1].second == executor_id{1});
  const auto program = f.scheduler.program_of(stage_id{0});
  CHECK(program.dataset == cached);
  CHECK(program.map_child == shuffled);
  CHECK(f.scheduler.program_of(stage_id{1}).map_child == nullptr);
}

TEST_CASE("lineage is let go when the job ends") {
  driver_fixture f;
  f.join_executor(0, 8);
  auto shuffled = f.shuffle(f.source(3), 2);
  const std::weak_ptr<core::lineage> watched = shuffled;
  f.submit(shuffled);
  shuffled.reset();
  f.run_stage(stage_id{0});
  CHECK(!watched.expired());
  f.run_until_idle();
  CHECK(watched.expired());
  CHECK(f.scheduler.inputs_of(stage_id{0}).shuffles.empty());
}

TEST_CASE("jobs are served first come first served, and a stage that two of them need runs once") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto shared = f.shuffle(f.source(2), 1);
  const auto first = f.submit(shared);
  const auto second = f.submit(f.map(shared));
  const auto third = f.submit(f.source(1));
  f.run_until_idle();
  std::vector<std::uint32_t> order;
  for (const auto& task : f.launches)
    order.push_back(task.stage.value);
  CHECK(order == vec{0, 0, 1, 2, 3});
  CHECK(f.finished(first));
  CHECK(f.finished(third));
  CHECK(f.counts(second).stages_run == 2);
  CHECK(f.counts(second).stages_skipped == 0);
}

TEST_CASE("cancelling a job stops its tasks but leaves a stage that another needs") {
  driver_fixture f;
  f.join_executor(0, 4);
  const auto shared = f.shuffle(f.source(2), 1);
  const auto own = f.shuffle(f.source(2), 1);
  const auto first = f.submit(f.join({shared, own}, 1));
  const auto second = f.submit(f.map(shared));
  f.tell(job_cancelled{first, "no longer wanted"});
  CHECK(f.failure_of(first).code == static_cast<std::uint8_t>(errc::job_cancelled));
  CHECK(f.failure_of(first).text.find("no longer wanted") != std::string::npos);
  const auto cancelled = f.now_decided<cancel_tasks>();
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0].tasks.size() == 2);
  for (const auto& task : f.of(stage_id{0}))
    CHECK(!task.cancelled);
  f.run_until_idle();
  CHECK(f.finished(second));
  CHECK(f.scheduler.idle());
}

TEST_CASE("a cancelled task holds its core until it ends, and what it brings is discarded") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto first = f.submit(f.source(1));
  const auto task = f.only().task;
  const auto second = f.submit(f.source(1));
  f.tell(job_cancelled{first, ""});
  CHECK(f.running.size() == 1);
  CHECK(!f.scheduler.idle());
  f.succeed(task);
  CHECK(f.now_decided<discard_result>().size() == 1);
  CHECK(f.now_decided<deliver_result>().empty());
  CHECK(f.running.size() == 1);
  f.run_until_idle();
  CHECK(f.finished(second));
}

TEST_CASE("a job that is over forgets its stages") {
  driver_fixture f;
  f.join_executor(0, 4);
  f.submit(f.shuffle(f.source(2), 1));
  f.run_until_idle();
  const auto forgotten = f.all<forget_stage>();
  CHECK(forgotten.size() == 2);
}

TEST_CASE("results beyond the limit fail the job, naming both sizes and the key") {
  scheduler_options options;
  options.result_bytes_max = 2048;
  driver_fixture f(options);
  f.join_executor(0, 4);
  const auto job = f.submit(f.source(3));
  task_succeeded with;
  with.result_bytes = 1536;
  f.succeed(f.task_of(stage_id{0}, 0).task, with);
  f.succeed(f.task_of(stage_id{0}, 2).task, with);
  const auto why = f.failure_of(job);
  CHECK(why.code == static_cast<std::uint8_t>(errc::result_too_large));
  CHECK(why.text.find("3.0 KiB (3072 bytes)") != std::string::npos);
  CHECK(why.text.find("2.0 KiB (2048 bytes)") != std::string::npos);
  CHECK(why.text.find("salamander.driver.maxResultSize") != std::string::npos);
  CHECK(f.now_decided<cancel_tasks>().size() == 1);
}

TEST_CASE("a chain of a hundred thousand narrow datasets is one stage") {
  driver_fixture f;
  f.join_executor(0, 1);
  auto chain = f.source(1);
  for (int i = 0; i < 100'000; ++i)
    chain = f.map(chain);
  const auto job = f.submit(chain);
  f.run_until_idle();
  CHECK(f.finished(job));
  CHECK(f.counts(job).stages_run == 1);
}

TEST_CASE("thirty levels with two narrow parents each are walked in linear time, preferences included") {
  driver_fixture f;
  f.join_executor(0, 1);
  const auto bottom = f.source(2);
  bottom->cached = true;
  auto top = bottom;
  for (int i = 0; i < 30; ++i)
    top = f.zip({f.map(top), f.map(top)});
  f.submit(top, {1});
  f.succeed_caching(f.only().task, bottom);
  // The block of partition 1 is found at the bottom of every path, that of partition 0 on none.
  const auto job = f.submit(top);
  f.run_until_idle();
  CHECK(f.finished(job));
}

TEST_CASE("thirty levels with two shuffles each are planned and recovered in linear time") {
  driver_fixture f;
  f.join_executor(0, 4);
  auto top = f.source(1);
  for (int i = 0; i < 30; ++i)
    top = f.join({top, top}, 1);
  const auto job = f.submit(top);
  f.run_until_idle();
  CHECK(f.counts(job).stages_run == 61);
  f.lose(0);
  f.join_executor(1, 4);
  const auto again = f.submit(top);
  f.run_until_idle();
  CHECK(f.counts(again).stages_run == 61);
}
