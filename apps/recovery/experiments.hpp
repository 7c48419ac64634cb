// The experiments of this folder, each with what it can be told.
#pragma once

#include <salamander/apps/common/program.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace app {

/// K-means as in section 6.3 of the RDD paper: the points are parsed and cached in the first iteration, and in one of the others an
/// executor fails. Each iteration is a stage of many small tasks and a shuffle.
struct iterations_setup {
  std::string input; ///< text: a line for each point
  std::uint64_t clusters = 100;
  std::uint64_t iterations = 10;
  std::uint64_t partitions = 400;
  std::uint64_t reducers = 8;
  /// none; kill, stop: the signal, to one executor; shuffle: an executor that runs a reduce task ends itself.
  std::string fault = "none";
  std::uint64_t at = 6;        ///< the iteration, from 1, with the fault
  std::uint64_t delay_ms = 20; ///< kill, stop: after the start of that iteration, so that tasks are running
};
report run_iterations(const program& app, const salamander::config& settings, const iterations_setup& setup);

/// How long it takes until the driver calls an executor dead, and until the task that ran there runs elsewhere.
struct detection_setup {
  std::string signal = "kill"; ///< or stop
  std::uint64_t repetitions = 200;
};
report run_detection(const program& app, const salamander::config& settings, const detection_setup& setup);

/// Jobs of equal tasks, first with equal executors, then with one that takes `factor` times as long for each.
struct stragglers_setup {
  std::uint64_t jobs = 20;
  std::uint64_t tasks = 160;
  std::uint64_t task_ms = 100;
  std::uint64_t factor = 5;
};
report run_stragglers(const program& app, const salamander::config& settings, const stragglers_setup& setup);

/// [1.5, 2.25]: a JSON array.
std::string json_array(const std::vector<double>& values);

/// The value below which `share` of the values are: the smallest that at least that share does not exceed. Errors: none may be missing.
double quantile(std::vector<double> values, double share);

} // namespace app
