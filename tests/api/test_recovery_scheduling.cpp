// What the scheduler decides about slow tasks, bad executors and functions that change their mind, with real processes.
#include "fixture.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

namespace {

using namespace std::chrono_literals;

/// A short path that a lambda can capture.
using path_text = std::array<char, 96>;

/// True for exactly one caller over all processes.
bool first_caller(const path_text& mark) {
  const int file = ::open(mark.data(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0)
    ::close(file);
  return file >= 0;
}

struct cluster {
  scratch dir;
  path_text mark{};

  cluster() {
    const auto path = dir / "mark";
    REQUIRE(path.size() < mark.size());
    std::copy(path.begin(), path.end(), mark.begin());
  }
  static sal::config settings(const char* master) {
    return sal::config{}.set_app_name("scheduling tests").set_master(master).set("salamander.log.level", "error");
  }
};

sal::errc start_error(const sal::config& settings, std::string& text) {
  return code_of([&] { sal::context sc(settings); }, &text);
}

} // namespace

TEST_CASE_FIXTURE(cluster, "a slow task is overtaken by its copy on another executor") {
  sal::context sc(settings("local-cluster[2,2,512]"));
  const auto path = mark;
  const auto sum = sc.range(0, 24, 1, 24)
                       .map([path](std::int64_t x) {
                         if (x == 20 && first_caller(path))
                           std::this_thread::sleep_for(3s);
                         return x;
                       })
                       .reduce(std::plus<>{});
  CHECK(sum == 276);
  CHECK(sc.last_job().speculative_won == 1);
  CHECK(sc.last_job().tasks_failed == 0);
  CHECK(sc.last_job().tasks_succeeded == 24);
}

TEST_CASE_FIXTURE(cluster, "an action with effects is not run twice for speed") {
  sal::context sc(settings("local-cluster[2,2,512]"));
  const auto path = mark;
  sc.range(0, 24, 1, 24).foreach ([path](std::int64_t x) {
    if (x == 20 && first_caller(path))
      std::this_thread::sleep_for(1s);
  });
  CHECK(sc.last_job().speculative_launched == 0);
}

TEST_CASE_FIXTURE(cluster, "records that change their place when they are computed again are neither lost nor doubled") {
  sal::context sc(settings("local-cluster[2,1,512]"));
  const auto path = mark;
  const auto scattered = sc.range(0, 4000, 1, 4).map_partitions([](auto records) {
    // Another process, another time: another key for every record.
    auto state = static_cast<std::uint64_t>(::getpid()) * 2654435761U +
                 static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    std::vector<std::pair<std::int64_t, std::int64_t>> out;
    for (const auto x : records) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      out.emplace_back(static_cast<std::int64_t>(state >> 40), x);
    }
    return out;
  });
  // The third reduce task to run ends its executor: some results are in by then.
  const auto groups = scattered.group_by_key(6).map_partitions_with_index([path](std::uint32_t p, auto records) {
    std::vector<std::int64_t> out;
    for (const auto& [key, values] : records)
      for (const auto value : values)
        out.push_back(value);
    if (p == 3 && first_caller(path))
      ::kill(::getpid(), SIGKILL);
    return out;
  });
  auto all = sorted(groups.collect());
  REQUIRE(all.size() == 4000);
  for (std::size_t i = 0; i < all.size(); ++i)
    REQUIRE(all[i] == static_cast<std::int64_t>(i));
  CHECK(sc.last_job().stages_rolled_back >= 1); // again, if an attempt that was under way then brings other contents once more
}

TEST_CASE_FIXTURE(cluster, "effects of records that changed their place fail the job with advice") {
  sal::context sc(settings("local-cluster[2,1,512]"));
  const auto path = mark;
  const auto scattered = sc.range(0, 4000, 1, 4).map_partitions([](auto records) {
    auto state = static_cast<std::uint64_t>(::getpid()) * 2654435761U +
                 static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    std::vector<std::pair<std::int64_t, std::int64_t>> out;
    for (const auto x : records) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      out.emplace_back(static_cast<std::int64_t>(state >> 40), x);
    }
    return out;
  });
  const auto reduced = scattered.reduce_by_key(std::plus<>{}, 6).map_partitions_with_index([path](std::uint32_t p, auto records) {
    std::vector<std::int64_t> out;
    for (const auto& [key, value] : records)
      out.push_back(value);
    if (p == 3 && first_caller(path))
      ::kill(::getpid(), SIGKILL);
    return out;
  });
  std::string text;
  CHECK(code_of([&] { reduced.foreach ([](std::int64_t) {}); }, &text) == sal::errc::stage_aborted);
  CHECK(text.find("cannot roll back") != std::string::npos);
  CHECK(text.find("map_partitions at ") != std::string::npos);
}

TEST_CASE_FIXTURE(cluster, "an executor on which tasks fail is excluded, ended and replaced") {
  sal::context sc(settings("local-cluster[2,1,512]")
                      .set("salamander.excludeOnFailure.enabled", "true")
                      .set("salamander.excludeOnFailure.killExcludedExecutors", "true"));
  const auto path = mark;
  const auto bad = [path](std::int64_t x) {
    // Whichever process comes first is the bad one: it writes its number down.
    const int file = ::open(path.data(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const auto self = std::to_string(::getpid());
    if (file >= 0) {
      [[maybe_unused]] const auto written = ::write(file, self.data(), self.size());
      ::close(file);
    }
    std::this_thread::sleep_for(20ms);
    std::ifstream in(path.data());
    std::string one;
    in >> one;
    if (one == self)
      throw std::runtime_error("a bad disk");
    return x;
  };
  CHECK(sc.range(0, 8, 1, 8).map(bad).count() == 8);
  CHECK(sc.last_job().tasks_failed == 2); // the second failure excluded it for the stage
  const auto dead = [&] {
    const auto all = sc.executors();
    return std::any_of(all.begin(), all.end(), [](const auto& e) { return !e.alive && e.state.find("is excluded") != std::string::npos; });
  };
  for (int i = 0; i < 500 && !dead(); ++i)
    std::this_thread::sleep_for(10ms);
  CHECK(dead());
  CHECK(sc.range(0, 8, 1, 8).map(bad).count() == 8);
  CHECK(sc.last_job().tasks_failed == 0);
}

TEST_CASE("a task that takes more cores than an executor has is an error at the start") {
  std::string text;
  const auto settings = sal::config{}.set("salamander.task.cpus", "3");
  CHECK(start_error(sal::config(settings).set_master("local[2]"), text) == sal::errc::bad_config_value);
  CHECK(text.find("salamander.task.cpus") != std::string::npos);
  CHECK(start_error(sal::config(settings).set_master("local-cluster[2,2,512]"), text) == sal::errc::bad_config_value);
}

TEST_CASE("a task may take several cores") {
  sal::context sc(sal::config{}.set_master("local[4]").set("salamander.task.cpus", "2"));
  CHECK(sc.default_parallelism() == 4);
  static std::atomic<int> running;
  static std::atomic<int> most;
  running = most = 0;
  sc.range(0, 200, 1, 200).foreach ([](std::int64_t) {
    const int now = ++running;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(100us);
    --running;
  });
  CHECK(most <= 2);
}

TEST_CASE("settings of the scheduler that make no sense are refused with the key") {
  std::string text;
  const auto local = [] { return sal::config{}.set_master("local[1]"); };
  CHECK(start_error(local().set("salamander.speculation.quantile", "1.5"), text) == sal::errc::bad_config_value);
  CHECK(text.find("salamander.speculation.quantile") != std::string::npos);
  CHECK(start_error(local().set("salamander.speculation.multiplier", "0"), text) == sal::errc::bad_config_value);
  CHECK(start_error(
            local().set("salamander.excludeOnFailure.enabled", "true").set("salamander.excludeOnFailure.task.maxTaskAttemptsPerNode", "4"),
            text) == sal::errc::bad_config_value);
  CHECK(text.find("less than salamander.task.maxFailures, which is 4") != std::string::npos);
  CHECK(start_error(local().set("salamander.scheduler.allocation.file", "/nonexistent/pools"), text) == sal::errc::input_not_found);
  const scratch dir;
  CHECK(start_error(local().set("salamander.scheduler.allocation.file", dir.file("pools", "pool.a.weight=none\n")), text) ==
        sal::errc::bad_config_value);
  CHECK(text.find("pools:1: expected a whole number") != std::string::npos);
  CHECK_THROWS_AS(local().set("salamander.scheduler.mode", "fairest"), sal::error);
}

TEST_CASE("properties belong to the thread that sets them, and go with the context") {
  {
    sal::context sc(sal::config{}.set_master("local[1]").set("salamander.scheduler.mode", "FAIR"));
    CHECK_FALSE(sc.local_property("a").has_value());
    sc.set_local_property("a", "1");
    sc.set_local_property("salamander.scheduler.pool", "mine");
    CHECK(sc.local_property("a") == "1");
    std::thread([&] {
      CHECK_FALSE(sc.local_property("a").has_value());
      sc.set_local_property("a", "2");
      CHECK(sc.range(0, 10, 1, 2).count() == 10);
    }).join();
    CHECK(sc.local_property("a") == "1");
    CHECK(sc.range(0, 10, 1, 2).count() == 10);
    sc.set_local_property("a", std::nullopt);
    CHECK_FALSE(sc.local_property("a").has_value());
    CHECK(code_of([&] { sc.set_local_property("", "x"); }) == sal::errc::invalid_argument);
  }
  sal::context next(sal::config{}.set_master("local[1]"));
  CHECK_FALSE(next.local_property("salamander.scheduler.pool").has_value());
}

TEST_CASE_FIXTURE(
    cluster, "a barrier stage that loses an executor at a barrier runs again on its replacement, and so does one that is cached in part") {
  sal::context sc(settings("local-cluster[2,1,512]"));
  const auto path = mark;
  const auto together = sc.range(0, 2, 1, 2).barrier().map_partitions_with_index([path](std::uint32_t p, auto) {
    const auto here = sal::barrier_here();
    const auto processes = here.all_gather(std::to_string(::getpid()));
    if (p == 1 && first_caller(path))
      ::raise(SIGKILL);
    here.wait();
    return std::vector{processes[0] + " " + processes[1]};
  });
  together.cache();
  const auto processes = together.collect();
  CHECK(processes[0] == processes[1]);
  CHECK(sc.last_job().tasks_lost >= 1);
  // Kills the executor that keeps one of the two partitions, from a job of its own.
  path_text again{};
  const auto second = dir / "again";
  std::copy(second.begin(), second.end(), again.begin());
  sc.range(0, 1, 1, 1).foreach ([again](std::int64_t) {
    if (first_caller(again))
      ::raise(SIGKILL);
  });
  const auto others = together.collect();
  CHECK(others[0] == others[1]);
  CHECK(others[0] != processes[0]);
}
