// Every kind of fault really happens, is named by the report, and leaves the answer as it was.
#include "fixture.hpp"

namespace {

/// Runs the job of two stages under one fault.
faults::fault_report run_with(const faults::fault& one, const std::string& master = two_executors, std::uint32_t seed = 1) {
  const auto plan = faults::fault_plan(seed).with(one);
  CAPTURE(plan.text());
  sal::context sc(settings_for(master, plan));
  CHECK(sum_by_key(sc) == expected_sums());
  const auto report = faults::report(sc);
  INFO(report.text());
  CHECK(report.count(one.kind()) >= 1);
  for (const auto& record : report.injected) {
    CHECK(record.text == one.text());
    CHECK_FALSE(record.detail.empty());
    CHECK(record.job == 0U);
    CHECK(record.job_succeeded);
  }
  CHECK(report.missed.empty());
  return report;
}

/// Tasks that ran elsewhere in the end: because they were lost, or copied while their executor was only suspected.
std::uint32_t moved_tasks(const faults::fault_report& report) {
  return report.injected.at(0).tasks_broken + report.jobs.at(0).speculative_launched;
}

std::uint32_t failed_tasks(const faults::fault_report& report) {
  return report.jobs.empty() ? 0 : report.jobs.front().tasks_failed;
}

} // namespace

TEST_CASE("an executor is killed when a stage starts, and what it had made is made again") {
  const auto report = run_with(faults::kill_executor().executor(1).at_stage(1));
  REQUIRE(report.injected.size() == 1);
  CHECK(report.injected[0].executor == 1U);
  CHECK(report.injected[0].stage == 1U);
  CHECK(report.injected[0].tasks_broken >= 1);
  CHECK(report.injected[0].caught_up_after);
}

TEST_CASE("an executor is killed after some tasks") {
  const auto report = run_with(faults::kill_executor().after_tasks(5));
  REQUIRE(report.injected.size() == 1);
  CHECK(report.injected[0].partition);
}

TEST_CASE("an executor that stops for too long is done without") {
  const auto report = run_with(faults::stop_executor(20s).executor(0).at_stage(1));
  CHECK(report.injected[0].detail.find("stopped process ") == 0);
  CHECK(moved_tasks(report) >= 1);
}

TEST_CASE("an executor that stops for a moment is waited for") {
  const auto report = run_with(faults::stop_executor(200ms).executor(0).at_stage(1));
  CHECK(report.executors_replaced == 0);
  CHECK(report.jobs.at(0).tasks_lost == 0);
}

TEST_CASE("a slow executor is slow and nothing else") {
  const auto report = run_with(faults::slow_executor(4, 500ms).executor(1).at_stage(0));
  CHECK(report.executors_replaced == 0);
  CHECK(report.injected[0].tasks_broken == 0);
}

TEST_CASE("a control connection may be cut for a moment, in each direction") {
  for (const auto way : {faults::direction::both, faults::direction::to_executor, faults::direction::from_executor}) {
    const auto report = run_with(faults::cut_executor(300ms, way).executor(1).at_stage(1));
    CHECK(report.executors_replaced == 0);
  }
}

TEST_CASE("an executor that is cut off for too long is done without") {
  const auto report = run_with(faults::cut_executor(20s).executor(1).at_stage(1));
  INFO(report.text());
  CHECK(moved_tasks(report) >= 1);
}

TEST_CASE("a lost map output is computed again") {
  const auto report = run_with(faults::lose_block(faults::blocks::shuffle).stage(1));
  CHECK(report.injected[0].detail.find("dropped shuffle_0_") == 0);
  CHECK(report.jobs.at(0).stage_retries >= 1);
}

TEST_CASE("a map output is lost in local mode, too") {
  const auto report = run_with(faults::lose_block(faults::blocks::shuffle).stage(1).partition(2).read(5), "local[2]");
  CHECK(report.injected[0].partition == 2U);
  CHECK(report.jobs.at(0).stage_retries >= 1);
}

TEST_CASE("a block that is corrupt once is fetched again") {
  const auto report = run_with(faults::corrupt_block(faults::blocks::shuffle).stage(1));
  CHECK(report.injected[0].detail.find("flipped a bit of shuffle_0_") == 0);
  CHECK(report.jobs.at(0).stage_retries == 0);
  CHECK(failed_tasks(report) == 0);
}

TEST_CASE("a block that stays corrupt is computed again") {
  const auto report = run_with(faults::corrupt_block(faults::blocks::shuffle).stage(1).tries(2));
  CHECK(report.jobs.at(0).stage_retries >= 1);
}

TEST_CASE("a block that comes late is waited for") {
  const auto report = run_with(faults::delay_block(100ms, faults::blocks::shuffle).stage(1));
  CHECK(report.injected[0].detail.find("back for 100 ms") != std::string::npos);
  CHECK(report.injected[0].tasks_broken == 0);
}

TEST_CASE("an exception in a task costs one attempt") {
  for (const auto& one : {faults::throw_task().stage(0).partition(3), faults::throw_task().stage(1).partition(2).batch(2)}) {
    const auto report = run_with(one);
    CHECK(failed_tasks(report) == 1);
    CHECK(report.injected.at(0).partition == one.spec().partition);
  }
}

TEST_CASE("a failed allocation costs one attempt") {
  const auto report = run_with(faults::fail_allocation().stage(1).partition(0));
  CHECK(failed_tasks(report) == 1);
}

TEST_CASE("a task that is held up is waited for") {
  const auto report = run_with(faults::delay_task(150ms).stage(0).partition(1), "local[2]");
  CHECK(report.injected[0].partition == 1U);
}

TEST_CASE("control messages that are lost, repeated or late change nothing") {
  for (const auto way : {faults::direction::to_executor, faults::direction::from_executor})
    for (const auto& one :
         {faults::drop_message(way).nth(2), faults::repeat_message(way).nth(2), faults::delay_message(100ms, way).nth(2)}) {
      const auto report = run_with(one);
      CHECK(report.injected[0].executor);
    }
}

TEST_CASE("a third of all control messages may be lost, repeated or late") {
  faults::fault_plan plan(11);
  plan.with(faults::drop_message().probability(0.1))
      .with(faults::repeat_message().probability(0.1))
      .with(faults::delay_message(30ms).probability(0.1));
  sal::context sc(settings_for(two_executors, plan));
  for (int i = 0; i < 5; ++i)
    CHECK(sum_by_key(sc) == expected_sums());
  const auto report = faults::report(sc);
  INFO(report.text());
  CHECK(report.count(faults::fault_kind::drop_message) > 0);
  CHECK(report.count(faults::fault_kind::repeat_message) > 0);
  CHECK(report.count(faults::fault_kind::delay_message) > 0);
}

TEST_CASE("a cached partition that is lost is computed again") {
  for (const std::string master : {"local[2]", "local-cluster[2,1,256]"}) {
    CAPTURE(master);
    sal::context sc(settings_for(master, faults::fault_plan().with(faults::lose_block(faults::blocks::cached).stage(1))));
    const auto cached = sc.range(0, 1000, 1, 4).map([](std::int64_t x) { return x * x; });
    cached.cache();
    const auto once = cached.sum();
    CHECK(cached.sum() == once);
    const auto report = faults::report(sc);
    INFO(report.text());
    REQUIRE(report.injected.size() == 1);
    CHECK(report.injected[0].detail.find("dropped rdd_1_") == 0);
  }
}

TEST_CASE("a large result that is lost or corrupt is had again") {
  for (const auto& one : {faults::lose_block(faults::blocks::result), faults::corrupt_block(faults::blocks::result),
                          faults::corrupt_block(faults::blocks::result).tries(2), faults::delay_block(50ms, faults::blocks::result)}) {
    CAPTURE(one.text());
    sal::context sc(settings_for(two_executors, faults::fault_plan().with(one)));
    const auto all = sc.range(0, 200000, 1, 2).collect();
    REQUIRE(all.size() == 200000);
    CHECK(all.front() == 0);
    CHECK(all.back() == 199999);
    const auto report = faults::report(sc);
    INFO(report.text());
    CHECK(report.count(one.kind()) == 1);
    CHECK(report.injected.at(0).detail.find("result_") != std::string::npos);
  }
}

TEST_CASE("a disk that refuses a write costs one attempt, and the files are whole") {
  for (const auto error : {faults::disk_error::enospc, faults::disk_error::eio}) {
    const scratch out;
    sal::context sc(settings_for(two_executors, faults::fault_plan().with(faults::fail_write(error).nth(2))));
    const auto path = out.path() / "numbers";
    sc.range(0, 100, 1, 4).save_as_text_file(path.string());
    std::int64_t sum = 0;
    std::uint32_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().filename().string().starts_with("part-")) {
        ++files;
        std::ifstream in(entry.path());
        for (std::int64_t x = 0; in >> x;)
          sum += x;
      }
    }
    CHECK(files == 4);
    CHECK(sum == 99 * 50);
    CHECK(std::filesystem::exists(path / "_SUCCESS"));
    const auto report = faults::report(sc);
    INFO(report.text());
    CHECK(report.count(faults::fault_kind::fail_write) == 1);
    CHECK(failed_tasks(report) == 1);
  }
}

TEST_CASE("what cannot happen in local mode is refused when the context starts") {
  try {
    sal::context sc(settings_for("local[2]", faults::fault_plan().with(faults::kill_executor().at_stage(1))));
    FAIL("the context started");
  } catch (const sal::error& refused) {
    CHECK(refused.code() == sal::errc::bad_config_value);
    CHECK(std::string(refused.what()).find("'kill executor at-stage=1' cannot happen in local mode") != std::string::npos);
  }
  sal::context sc(settings_for("local[2]", {})); // nothing is left of the first
  CHECK(sum_by_key(sc) == expected_sums());
}

TEST_CASE("a fault that happens too often fails the job, and the error says that it was injected") {
  sal::context sc(settings_for(two_executors, faults::fault_plan().with(faults::throw_task().stage(0).partition(3).times(4))));
  try {
    sum_by_key(sc);
    FAIL("the job succeeded");
  } catch (const sal::error& failure) {
    const std::string text = failure.what();
    INFO(text);
    CHECK(text.find("injected before the first record by salamander.faults: throw task stage=0 partition=3 times=4") != std::string::npos);
  }
  const auto report = faults::report(sc);
  CHECK(report.injected.size() == 4);
  CHECK_FALSE(report.injected.at(0).job_succeeded);
}
