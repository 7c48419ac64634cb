// What the command line asks for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace chaos {

/// Where a run begins, or began one of its episodes. Shapes of clusters and jobs follow from the seed and their own numbers.
struct run_point {
  std::uint32_t episode = 0;
  std::uint32_t application = 1;
  std::uint32_t job = 0;
};

struct chaos_options {
  std::vector<std::uint64_t> seeds{1}; ///< runs of their own, one after another
  double minutes = 1;                  ///< of each run; no further episode begins after that time
  run_point first;
  std::uint32_t episodes = UINT32_MAX;
  double intensity = 1;         ///< multiplies how often faults occur
  std::string only;             ///< part of the names of the kinds of faults that may occur
  bool quiet = false;           ///< only the summary, and failures
  bool keep_going = false;      ///< after a failure: next episode, with a new application
  bool plan_only = false;       ///< print the schedule and end
  bool need_namespaces = false; ///< do nothing where the system gives none: what then remains is another test
  bool help = false;
  std::filesystem::path driver;    ///< the program under test
  std::filesystem::path directory; ///< for logs; empty: a new one, kept only after failures
};

/// Errors: std::invalid_argument, with the usage.
chaos_options read_options(const std::vector<std::string>& arguments);

std::string help_text();

/// The command that does an episode of a run again.
std::string replay_command(const chaos_options& options, std::uint64_t seed, const run_point& from);

} // namespace chaos
