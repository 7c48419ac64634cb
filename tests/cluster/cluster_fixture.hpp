// Real executor processes, and ways to find, hold and kill them.
#pragma once

#include "../support/scratch.hpp"

#include <doctest/doctest.h>

#include <salamander/salamander.hpp>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sal = salamander;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Polls until f is true; false when the (generous) time is over. What is waited for is an event of another process.
template <class F>
bool eventually(F&& f, std::chrono::milliseconds limit = 30s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!f()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

inline bool process_exists(std::int64_t process) {
  return ::kill(static_cast<pid_t>(process), 0) == 0 || errno != ESRCH;
}

/// Tasks leave marks in it and wait there.
class scratch : public test_support::scratch {
public:
  void hold(const std::string& tag, std::uint32_t partition) const {
    std::ofstream(path() / ("hold." + tag + "." + std::to_string(partition)));
  }
  void release(const std::string& tag, std::uint32_t partition) const {
    fs::remove(path() / ("hold." + tag + "." + std::to_string(partition)));
  }
  /// Process ids of the executors in which the function `tag` ran, by partition.
  std::map<std::uint32_t, std::vector<pid_t>> runs(const std::string& tag) const {
    std::map<std::uint32_t, std::vector<pid_t>> all;
    for (const auto& entry : fs::directory_iterator(path())) {
      unsigned partition = 0;
      int process = 0;
      const auto pattern = "run." + tag + ".%u.%d.";
      if (std::sscanf(entry.path().filename().c_str(), pattern.c_str(), &partition, &process) == 2)
        all[partition].push_back(process);
    }
    return all;
  }
  /// Waits until the function ran for this partition; returns the process it first ran in.
  pid_t wait_for_run(const std::string& tag, std::uint32_t partition) const {
    pid_t process = 0;
    REQUIRE(eventually([&] {
      const auto all = runs(tag);
      const auto at = all.find(partition);
      if (at == all.end())
        return false;
      process = at->second.front();
      return true;
    }));
    return process;
  }
};

/// Called in tasks: notes the run, then waits as long as the test holds this partition.
inline void leave_mark(const std::string& directory, const std::string& tag, std::uint32_t partition) {
  const auto name = directory + "/run." + tag + "." + std::to_string(partition) + "." + std::to_string(::getpid()) + ".XXXXXX";
  auto unique = name;
  ::close(::mkstemp(unique.data()));
  const auto held = directory + "/hold." + tag + "." + std::to_string(partition);
  eventually([&] { return !fs::exists(held); });
}

/// The same records; every run of a partition leaves a mark.
inline auto marked(const sal::rdd<std::int64_t>& in, const scratch& where, const std::string& tag) {
  return in.map_partitions_with_index(sal::bind_front(
      [](const std::string& directory, const std::string& name, std::uint32_t partition, auto records) {
        std::vector<std::int64_t> all;
        for (const auto record : records)
          all.push_back(record);
        leave_mark(directory, name, partition);
        return all;
      },
      where.path().string(), tag));
}

inline sal::config cluster_config(const std::string& master) {
  return sal::config{}
      .set_app_name("cluster tests")
      .set_master(master)
      .set("salamander.log.level", std::getenv("SALAMANDER_TEST_LOG") ? std::getenv("SALAMANDER_TEST_LOG") : "off");
}

/// Detects silence in about a second instead of five.
inline sal::config impatient_config(const std::string& master) {
  return cluster_config(master)
      .set("salamander.executor.heartbeatInterval", "200ms")
      .set("salamander.executor.suspectTimeout", "600ms")
      .set("salamander.executor.deadTimeout", "1200ms");
}

inline std::size_t alive(const sal::context& sc) {
  const auto all = sc.executors();
  return static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& one) { return one.alive; }));
}

inline sal::executor_info executor_of_process(const sal::context& sc, pid_t process) {
  for (const auto& one : sc.executors())
    if (one.process == process)
      return one;
  return {};
}

/// Every partition ran once, but those that had run in `lost` ran once more.
inline void check_only_lost_ran_again(const std::map<std::uint32_t, std::vector<pid_t>>& runs, pid_t lost) {
  for (const auto& [partition, processes] : runs) {
    CAPTURE(partition);
    const auto in_lost = std::ranges::count(processes, lost);
    CHECK(processes.size() == static_cast<std::size_t>(1 + in_lost));
  }
}
