#include "cluster_fixture.hpp"

namespace {

using counted = std::map<std::int64_t, std::int64_t>;

counted sums_by_last_digit(const sal::rdd<std::int64_t>& in, const scratch& where) {
  const auto sums = in.map([](std::int64_t x) { return std::pair{x % 10, x}; }).reduce_by_key(std::plus<>{}, 3);
  const auto kept = sums.map_partitions_with_index(sal::bind_front(
      [](const std::string& directory, std::uint32_t partition, auto records) {
        std::vector<std::pair<std::int64_t, std::int64_t>> all;
        for (const auto& record : records)
          all.emplace_back(record);
        leave_mark(directory, "reduce", partition);
        return all;
      },
      where.path().string()));
  counted result;
  for (const auto& [key, sum] : kept.collect())
    result[key] += sum;
  return result;
}

counted expected_sums(std::int64_t end) {
  counted result;
  for (std::int64_t x = 0; x < end; ++x)
    result[x % 10] += x;
  return result;
}

} // namespace

TEST_CASE("an executor killed in the middle of a map stage costs only its own partitions") {
  const scratch where;
  sal::context sc(cluster_config("local-cluster[3,1,256]"));
  where.hold("map", 4);
  auto job = std::async(std::launch::async, [&] { return sums_by_last_digit(marked(sc.range(0, 6000, 1, 6), where, "map"), where); });
  const auto victim = where.wait_for_run("map", 4);
  ::kill(victim, SIGKILL);
  where.release("map", 4);
  CHECK(job.get() == expected_sums(6000));
  check_only_lost_ran_again(where.runs("map"), victim);
  const auto report = sc.last_job();
  CHECK(report.succeeded);
  CHECK(report.tasks_lost >= 1);
  CHECK(report.tasks_failed == 0);
}

TEST_CASE("an executor killed in the middle of a shuffle read costs only the map outputs it held") {
  const scratch where;
  sal::context sc(cluster_config("local-cluster[3,1,256]"));
  where.hold("reduce", 1);
  auto job = std::async(std::launch::async, [&] { return sums_by_last_digit(marked(sc.range(0, 6000, 1, 6), where, "map"), where); });
  const auto victim = where.wait_for_run("reduce", 1);
  ::kill(victim, SIGKILL);
  where.release("reduce", 1);
  CHECK(job.get() == expected_sums(6000));
  const auto maps = where.runs("map");
  CHECK(maps.size() == 6);
  check_only_lost_ran_again(maps, victim);
}

TEST_CASE("an executor killed in a result stage costs only the tasks it ran") {
  const scratch where;
  sal::context sc(cluster_config("local-cluster[3,1,256]"));
  where.hold("result", 2);
  auto job = std::async(std::launch::async, [&] { return marked(sc.range(0, 600, 1, 3), where, "result").collect(); });
  const auto victim = where.wait_for_run("result", 2);
  ::kill(victim, SIGKILL);
  where.release("result", 2);
  const auto records = job.get();
  CHECK(records.size() == 600);
  CHECK(std::ranges::is_sorted(records));
  check_only_lost_ran_again({{2, where.runs("result")[2]}}, victim);
}

TEST_CASE("a dead executor's cached partitions are computed again, and no others") {
  const scratch where;
  sal::context sc(cluster_config("local-cluster[3,1,256]"));
  const auto cached = marked(sc.range(0, 900, 1, 9), where, "cached").cache();
  CHECK(cached.count() == 900);
  CHECK(sc.cached_partitions(cached) == 9);
  CHECK(cached.sum() == 404550);
  CHECK(where.runs("cached").at(0).size() == 1);
  where.hold("iterate", 0);
  auto job = std::async(std::launch::async, [&] { return marked(cached, where, "iterate").count(); });
  const auto victim = where.wait_for_run("iterate", 0);
  ::kill(victim, SIGKILL);
  where.release("iterate", 0);
  CHECK(job.get() == 900);
  // Partitions that were lost after their use in this job are computed at their next use.
  CHECK(cached.count() == 900);
  CHECK(sc.cached_partitions(cached) == 9);
  check_only_lost_ran_again(where.runs("cached"), victim);
}

TEST_CASE("a killed executor is replaced by one with a new number") {
  sal::context sc(cluster_config("local-cluster[2,1,256]"));
  const auto before = sc.executors();
  REQUIRE(before.size() == 2);
  ::kill(static_cast<pid_t>(before[0].process), SIGKILL);
  REQUIRE(eventually([&] { return sc.executors().size() == 3 && alive(sc) == 2; }));
  const auto after = sc.executors();
  CHECK_FALSE(after[0].alive);
  CAPTURE(after[0].state);
  // The end of a large process may take longer than it is waited for once its connection has ended.
  const auto has = [&](const char* what) { return after[0].state.find(what) != std::string::npos; };
  CHECK((has("signal 9") || has("the connection ended")));
  CHECK(after[2].id == 2);
  CHECK_FALSE(process_exists(before[0].process));
  CHECK(sc.range(0, 100, 1, 8).count() == 100);
}

TEST_CASE("a silent executor becomes suspect, then is killed and replaced, and the job goes on") {
  const scratch where;
  sal::context sc(impatient_config("local-cluster[2,1,256]"));
  where.hold("task", 1);
  auto job = std::async(std::launch::async, [&] { return marked(sc.range(0, 400, 1, 4), where, "task").count(); });
  const auto victim = where.wait_for_run("task", 1);
  ::kill(victim, SIGSTOP);
  where.release("task", 1);
  CHECK(eventually([&] { return executor_of_process(sc, victim).state == "suspect"; }));
  CHECK(eventually([&] { return !executor_of_process(sc, victim).alive; }));
  CHECK(executor_of_process(sc, victim).state.find("silent for") != std::string::npos);
  CHECK(job.get() == 400);
  CHECK(eventually([&] { return alive(sc) == 2; }));
  CHECK_FALSE(process_exists(victim));
}

TEST_CASE("an executor that is silent for a short while is not replaced") {
  sal::context sc(impatient_config("local-cluster[2,1,256]"));
  const auto victim = static_cast<pid_t>(sc.executors()[0].process);
  ::kill(victim, SIGSTOP);
  CHECK(eventually([&] { return executor_of_process(sc, victim).state == "suspect"; }));
  ::kill(victim, SIGCONT);
  CHECK(eventually([&] { return executor_of_process(sc, victim).state == "alive"; }));
  CHECK(sc.executors().size() == 2);
  CHECK(sc.range(0, 100, 1, 8).count() == 100);
}
