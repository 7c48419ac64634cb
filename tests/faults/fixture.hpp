// Small jobs with known answers, and contexts that faults happen to.
#pragma once

#include "../support/scratch.hpp"

#include <doctest/doctest.h>

#include <salamander/salamander.hpp>
#include <salamander/testing.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace sal = salamander;
namespace faults = salamander::testing;
using namespace std::chrono_literals;
using test_support::scratch;

inline const std::string two_executors = "local-cluster[2,1,256]";

/// Silence is noticed within a second, and nothing is logged.
inline sal::config settings_for(const std::string& master, const faults::fault_plan& plan) {
  auto settings = sal::config{}
                      .set_app_name("fault tests")
                      .set_master(master)
                      .set("salamander.log.level", std::getenv("SALAMANDER_TEST_LOG") ? std::getenv("SALAMANDER_TEST_LOG") : "off")
                      .set("salamander.executor.heartbeatInterval", "100ms")
                      .set("salamander.executor.suspectTimeout", "600ms")
                      .set("salamander.executor.deadTimeout", "1200ms")
                      .set("salamander.locality.wait", "0");
  return faults::with_faults(settings, plan);
}

using sums = std::map<std::int64_t, std::int64_t>;

constexpr std::int64_t numbers = 4000;
constexpr std::uint32_t map_tasks = 8;
constexpr std::uint32_t reduce_tasks = 4;

/// Stage 0: 8 tasks that write a shuffle; stage 1: 4 that read it.
inline sums sum_by_key(sal::context& sc) {
  const auto all = sc.range(0, numbers, 1, map_tasks)
                       .map([](std::int64_t x) {
                         return std::pair{x % 64, x};
                       })
                       .reduce_by_key(std::plus<>{}, reduce_tasks)
                       .collect_as_map();
  return {all.begin(), all.end()};
}

inline sums expected_sums() {
  sums all;
  for (std::int64_t x = 0; x < numbers; ++x)
    all[x % 64] += x;
  return all;
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
