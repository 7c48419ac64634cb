// Loss of executors in the middle of jobs, with real processes. Skipped on masters without processes.
#include "fixture.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

namespace {

/// A short path that a lambda can capture: where tasks note what they ran, one line "kind partition pid" each.
using log_path = std::array<char, 96>;

void note(const log_path& log, char kind, std::uint32_t partition) {
  const int file = ::open(log.data(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const auto line = std::string(1, kind) + ' ' + std::to_string(partition) + ' ' + std::to_string(::getpid()) + '\n';
  [[maybe_unused]] const auto written = ::write(file, line.data(), line.size());
  ::close(file);
}

/// True for exactly one caller over all processes.
bool first_caller(const log_path& log) {
  const std::string mark = std::string(log.data()) + ".once";
  const int file = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0)
    ::close(file);
  return file >= 0;
}

struct entry {
  char kind;
  std::uint32_t partition;
  int pid;
};

struct cluster {
  sal::context sc;
  scratch dir;
  log_path log{};

  static sal::config settings() {
    return sal::config{}.set_app_name("recovery tests").set_master("local-cluster[3,1,512]").set("salamander.log.level", "error");
  }

  cluster() : sc(settings()) {
    const auto path = dir / "log";
    REQUIRE(path.size() < log.size());
    std::copy(path.begin(), path.end(), log.begin());
  }

  std::vector<entry> entries() const {
    std::vector<entry> all;
    std::ifstream in(log.data());
    for (entry one{}; in >> one.kind >> one.partition >> one.pid;)
      all.push_back(one);
    return all;
  }
  std::size_t runs(char kind) const {
    const auto all = entries();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const entry& e) { return e.kind == kind; }));
  }
  /// The process that noted `kind` once (the one that then ended).
  int victim(char kind) const {
    for (const auto& e : entries())
      if (e.kind == kind)
        return e.pid;
    return 0;
  }
  /// Distinct partitions of `kind` that ran in a process.
  std::set<std::uint32_t> partitions_in(char kind, int pid) const {
    std::set<std::uint32_t> all;
    for (const auto& e : entries())
      if (e.kind == kind && e.pid == pid)
        all.insert(e.partition);
    return all;
  }
};

constexpr int map_partitions_count = 12;

} // namespace

TEST_CASE_FIXTURE(cluster, "an executor killed in a map stage costs only the partitions it had") {
  const auto path = log;
  const auto counts = sc.range(0, 12000, 1, map_partitions_count)
                          .map_partitions_with_index([path](std::uint32_t p, auto records) {
                            note(path, 'm', p);
                            if (p == 7 && first_caller(path)) {
                              note(path, 'k', p);
                              ::kill(::getpid(), SIGKILL);
                            }
                            std::vector<std::pair<int, std::int64_t>> out;
                            for (const auto x : records)
                              out.emplace_back(static_cast<int>(x % 10), x);
                            return out;
                          })
                          .reduce_by_key(std::plus<>{}, 4);
  std::int64_t sum = 0;
  for (const auto& [key, value] : counts.collect())
    sum += value;
  CHECK(sum == 12000LL * 11999 / 2);
  // What had finished in the victim was lost with it; everything else ran once.
  CHECK(runs('m') == map_partitions_count + partitions_in('m', victim('k')).size());
  CHECK(sc.last_job().succeeded);
}

TEST_CASE_FIXTURE(cluster, "an executor killed while it writes a shuffle costs only the partitions it had") {
  const auto path = log;
  const auto counts = sc.range(0, 12000, 1, map_partitions_count)
                          .map_partitions_with_index([path](std::uint32_t p, auto records) {
                            note(path, 'm', p);
                            std::vector<std::pair<int, std::int64_t>> out;
                            for (const auto x : records)
                              out.emplace_back(static_cast<int>(x % 10), x);
                            return out;
                          })
                          .reduce_by_key(
                              [path](std::int64_t a, std::int64_t b) {
                                if (a + b > 60000 && first_caller(path)) { // in the map side's combining: sums are still small later
                                  note(path, 'k', 0);
                                  ::kill(::getpid(), SIGKILL);
                                }
                                return a + b;
                              },
                              4);
  std::int64_t sum = 0;
  for (const auto& [key, value] : counts.collect())
    sum += value;
  CHECK(sum == 12000LL * 11999 / 2);
  CHECK(runs('m') == map_partitions_count + partitions_in('m', victim('k')).size());
}

TEST_CASE_FIXTURE(cluster, "an executor killed while it reads a shuffle costs its map outputs and its own task") {
  const auto path = log;
  const auto groups = sc.range(0, 12000, 1, map_partitions_count)
                          .map_partitions_with_index([path](std::uint32_t p, auto records) {
                            note(path, 'm', p);
                            std::vector<std::pair<int, std::int64_t>> out;
                            for (const auto x : records)
                              out.emplace_back(static_cast<int>(x % 6), x);
                            return out;
                          })
                          .group_by_key(6)
                          .map_partitions_with_index([path](std::uint32_t p, auto records) {
                            note(path, 'r', p);
                            std::int64_t sum = 0;
                            for (const auto& [key, values] : records) {
                              if (p == 3 && first_caller(path)) {
                                note(path, 'k', p);
                                ::kill(::getpid(), SIGKILL);
                              }
                              for (const auto x : values)
                                sum += x;
                            }
                            return std::vector{sum};
                          });
  CHECK(groups.reduce(std::plus<>{}) == 12000LL * 11999 / 2);
  const auto lost = partitions_in('m', victim('k'));
  CHECK(runs('m') >= map_partitions_count);
  CHECK(runs('m') <= map_partitions_count + lost.size());
  for (std::uint32_t p = 0; p < map_partitions_count; ++p) {
    const auto all = entries();
    const auto count = std::count_if(all.begin(), all.end(), [&](const entry& e) { return e.kind == 'm' && e.partition == p; });
    CHECK(count <= (lost.contains(p) ? 2 : 1));
  }
}

TEST_CASE_FIXTURE(cluster, "an executor killed in a result stage costs only its task") {
  const auto path = log;
  const auto nums = sc.range(0, 12000, 1, map_partitions_count).map_partitions_with_index([path](std::uint32_t p, auto records) {
    note(path, 'm', p);
    if (p == 5 && first_caller(path)) {
      note(path, 'k', p);
      ::kill(::getpid(), SIGKILL);
    }
    std::int64_t sum = 0;
    for (const auto x : records)
      sum += x;
    return std::vector{sum};
  });
  CHECK(nums.reduce(std::plus<>{}) == 12000LL * 11999 / 2);
  // Results that were delivered stay; only what ran in the victim at that moment runs again.
  CHECK(runs('m') == map_partitions_count + 1);
  CHECK(sc.last_job().tasks_lost == 1);
}

TEST_CASE_FIXTURE(cluster, "an executor killed between iterations over cached data costs only the partitions it held") {
  const auto path = log;
  const auto data = sc.range(0, 12000, 1, map_partitions_count).map_partitions_with_index([path](std::uint32_t p, auto records) {
    note(path, 'm', p);
    std::vector<std::int64_t> out;
    for (const auto x : records)
      out.push_back(x);
    return out;
  });
  data.cache();
  for (int i = 0; i < 3; ++i)
    CHECK(data.reduce(std::plus<>{}) == 12000LL * 11999 / 2);
  CHECK(runs('m') == map_partitions_count);
  CHECK(sc.cached_partitions(data) == map_partitions_count);
  const auto executors = sc.executors();
  const auto victim = static_cast<int>(executors.front().process);
  const auto lost = partitions_in('m', victim);
  REQUIRE(!lost.empty());
  ::kill(victim, SIGKILL);
  for (int i = 0; i < 3; ++i)
    CHECK(data.reduce(std::plus<>{}) == 12000LL * 11999 / 2);
  CHECK(runs('m') == map_partitions_count + lost.size());
  CHECK(sc.cached_partitions(data) == map_partitions_count);
}

TEST_CASE_FIXTURE(cluster, "map outputs are reused by later jobs, and lost ones are recomputed when they are needed") {
  const auto path = log;
  const auto counts = sc.range(0, 1200, 1, map_partitions_count)
                          .map_partitions_with_index([path](std::uint32_t p, auto records) {
                            note(path, 'm', p);
                            std::vector<std::pair<int, int>> out;
                            for (const auto x : records)
                              out.emplace_back(static_cast<int>(x % 10), 1);
                            return out;
                          })
                          .reduce_by_key(std::plus<>{}, 4);
  CHECK(counts.count() == 10);
  CHECK(counts.count() == 10);
  CHECK(runs('m') == map_partitions_count);
  CHECK(sc.last_job().stages_skipped == 1);
  const auto victim = static_cast<int>(sc.executors().front().process);
  const auto lost = partitions_in('m', victim);
  ::kill(victim, SIGKILL);
  CHECK(counts.count() == 10);
  CHECK(runs('m') == map_partitions_count + lost.size());
}

TEST_CASE_FIXTURE(cluster, "a function that ends its executor fails the job by name and the context goes on") {
  const auto ends = [&](auto&& function, const char* how) {
    std::string text;
    const auto code = code_of([&] { sc.range(0, 40, 1, 4).map(function).collect(); }, &text);
    CAPTURE(text);
    CHECK(code == sal::errc::executor_lost);
    CHECK(text.find("map at test_recovery.cpp:") != std::string::npos);
    CHECK(text.find("partition 2") != std::string::npos);
    CHECK(text.find("record 3") != std::string::npos);
    CHECK(text.find(how) != std::string::npos);
    CHECK(sc.range(0, 40, 1, 4).count() == 40);
  };
  SUBCASE("exit") {
    ends([](std::int64_t x) { return x == 23 ? std::exit(42), x : x; }, "42");
  }
  SUBCASE("exit with success") {
    ends([](std::int64_t x) { return x == 23 ? std::exit(0), x : x; }, "code 0");
  }
  SUBCASE("abort") {
    ends([](std::int64_t x) { return x == 23 ? std::abort(), x : x; }, "signal 6");
  }
  SUBCASE("segmentation fault") {
    ends([](std::int64_t x) { return x == 23 ? ::raise(SIGSEGV), x : x; }, "signal 11");
  }
}

TEST_CASE_FIXTURE(cluster, "a task that fails once is tried again, one that always fails is tried four times") {
  const auto path = log;
  const auto once = sc.range(0, 3, 1, 3).map([path](std::int64_t x) {
    note(path, 'm', static_cast<std::uint32_t>(x));
    if (x == 1 && first_caller(path))
      throw std::runtime_error("the first time");
    return x * x;
  });
  CHECK(once.collect() == std::vector<std::int64_t>{0, 1, 4});
  CHECK(runs('m') == 4);
  std::string text;
  const auto always = sc.range(0, 3, 1, 3).map([](std::int64_t x) {
    if (x == 1)
      throw std::runtime_error("every time");
    return x;
  });
  CHECK(code_of([&] { always.collect(); }, &text) == sal::errc::task_failed);
  CHECK(text.find("failed 4 times") != std::string::npos);
}

TEST_CASE_FIXTURE(cluster, "an executor that is stopped is noticed, fenced and replaced") {
  const auto before = sc.executors();
  const auto victim = static_cast<int>(before.front().process);
  ::kill(victim, SIGSTOP);
  const auto started = std::chrono::steady_clock::now();
  CHECK(sc.range(0, 3000, 1, 30).map([](std::int64_t x) { return x; }).count() == 3000);
  const auto took = std::chrono::steady_clock::now() - started;
  MESSAGE("the job took " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
  // The job does not wait for the verdict: its tasks were copied when the executor was suspected.
  const auto replaced = [&] {
    const auto after = sc.executors();
    return std::none_of(after.begin(), after.end(), [&](const auto& e) { return e.process == victim && e.alive; }) &&
           std::count_if(after.begin(), after.end(), [](const auto& e) { return e.alive; }) >= 2 && ::kill(victim, 0) != 0;
  };
  const auto latest = started + std::chrono::seconds(30);
  while (!replaced() && std::chrono::steady_clock::now() < latest)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(replaced());
}
