// The same plan gives the same faults; reports reach files and people; a program needs no change to have faults.
#include "fixture.hpp"

#include <set>

namespace {

/// What happened, without what depends on time and placement.
std::multiset<std::string> happenings(const faults::fault_report& report) {
  std::multiset<std::string> all;
  for (const auto& one : report.injected)
    all.insert(one.text + " / stage " + std::to_string(one.stage.value_or(99)) + ", partition " +
               std::to_string(one.partition.value_or(99)) + ", attempt " + std::to_string(one.attempt.value_or(99)));
  return all;
}

std::multiset<std::string> happenings_of(const faults::fault_plan& plan, const std::string& master) {
  sal::context sc(settings_for(master, plan).set("salamander.task.maxFailures", "50"));
  CHECK(sum_by_key(sc) == expected_sums());
  return happenings(faults::report(sc));
}

} // namespace

TEST_CASE("the same plan and seed give the same faults, whatever the master") {
  faults::fault_plan plan(5);
  plan.with(faults::throw_task().probability(0.3))
      .with(faults::delay_task(2ms).probability(0.2))
      .with(faults::fail_allocation().stage(1).partition(1));
  const auto once = happenings_of(plan, "local[4,50]");
  CHECK(once.size() >= 4);
  CHECK(happenings_of(plan, "local[4,50]") == once);
  CHECK(happenings_of(plan, "local[1,50]") == once);
  CHECK(happenings_of(plan, "local-cluster[2,2,256]") == once);
  faults::fault_plan other(6);
  for (const auto& one : plan.faults())
    other.with(one);
  CHECK(happenings_of(other, "local[4,50]") != once);
}

TEST_CASE("counted faults of executors hit the same place again") {
  const auto plan =
      faults::fault_plan(9).with(faults::kill_executor().at_stage(1)).with(faults::kill_executor().executor(0).after_tasks(2));
  const auto hit = [&] {
    sal::context sc(settings_for(two_executors, plan));
    CHECK(sum_by_key(sc) == expected_sums());
    std::multiset<std::string> all;
    for (const auto& one : faults::report(sc).injected)
      all.insert(one.text + std::to_string(one.executor.value_or(99)));
    return all;
  };
  const auto once = hit();
  CHECK(once.size() == 2);
  CHECK(hit() == once);
}

TEST_CASE("an unchanged program has faults by its environment, and the report goes to a file") {
  const scratch out;
  const auto file = (out.path() / "report.txt").string();
  ::setenv("SALAMANDER_FAULTS_PLAN", "throw task stage=1 partition=0; throw task stage=7", 1);
  ::setenv("SALAMANDER_FAULTS_SEED", "17", 1);
  ::setenv("SALAMANDER_FAULTS_REPORT", file.c_str(), 1);
  const sal::config settings = sal::config{}.set_master("local[2,4]").set("salamander.log.level", "off");
  ::unsetenv("SALAMANDER_FAULTS_PLAN");
  ::unsetenv("SALAMANDER_FAULTS_SEED");
  ::unsetenv("SALAMANDER_FAULTS_REPORT");
  sal::context sc(settings);
  CHECK(sum_by_key(sc) == expected_sums());
  CHECK_FALSE(std::filesystem::exists(file));
  sc.stop();
  const auto text = content_of(file);
  INFO(text);
  CHECK(text.find("1 injected fault (seed 17)") == 0);
  CHECK(text.find("throw task stage=1 partition=0\n     threw before the first record (executor 0, stage 1, partition 0, attempt 0)") !=
        std::string::npos);
  CHECK(text.find("1 task had to run again, done after") != std::string::npos);
  CHECK(text.find("did not happen: throw task stage=7 (no task that matches was sent)") != std::string::npos);
  CHECK(text.find("succeeded in") != std::string::npos);
  CHECK(text.find("again: salamander.faults.plan='throw task stage=1 partition=0; throw task stage=7' salamander.faults.seed=17") !=
        std::string::npos);
  CHECK(faults::report(sc).text() == text); // also after stop
}

TEST_CASE("a defaults file drives a run, too") {
  const scratch dir;
  std::ofstream(dir.path() / "salamander-defaults.conf") << "salamander.faults.plan  delay task by=1ms stage=0 partition=2\n"
                                                         << "salamander.faults.seed=8\n";
  ::setenv("SALAMANDER_CONF_DIR", dir.path().c_str(), 1);
  const sal::config settings = sal::config{}.set_master("local[2]").set("salamander.log.level", "off");
  ::unsetenv("SALAMANDER_CONF_DIR");
  sal::context sc(settings);
  CHECK(sum_by_key(sc) == expected_sums());
  CHECK(faults::report(sc).plan.seed() == 8);
  CHECK(faults::report(sc).count(faults::fault_kind::delay_task) == 1);
}

TEST_CASE("a context without faults has an empty report, one that observes knows its stages") {
  sal::context plain(sal::config{}.set_master("local[2]"));
  CHECK(sum_by_key(plain) == expected_sums());
  CHECK(faults::report(plain).stages.empty());
  plain.stop();
  sal::context observed(sal::config{}.set_master("local[2]").set("salamander.faults.report", "observe"));
  CHECK(sum_by_key(observed) == expected_sums());
  const auto report = faults::report(observed);
  REQUIRE(report.stages.size() == 2);
  CHECK(report.stages[0].tasks == map_tasks);
  CHECK_FALSE(report.stages[0].reads_shuffle);
  CHECK(report.stages[1].tasks == reduce_tasks);
  CHECK(report.stages[1].reads_shuffle);
  CHECK(report.tasks_finished == map_tasks + reduce_tasks);
  CHECK(report.injected_total == 0);
}

TEST_CASE("the report of a kill tells how the job recovered") {
  sal::context sc(settings_for(two_executors, faults::fault_plan(2).with(faults::kill_executor().executor(0).at_stage(1))));
  CHECK(sum_by_key(sc) == expected_sums());
  const auto report = faults::report(sc);
  const auto text = report.text();
  INFO(text);
  CHECK(text.find("sent SIGKILL to process ") != std::string::npos);
  CHECK(text.find("(executor 0, stage 1)") != std::string::npos);
  CHECK(text.find("had to run again, done after ") != std::string::npos);
  CHECK(text.find("job 0 succeeded ") != std::string::npos);
  REQUIRE(report.jobs.size() == 1);
  CHECK(report.jobs[0].tasks_lost + report.jobs[0].tasks_resubmitted + report.jobs[0].stage_retries > 0);
}
