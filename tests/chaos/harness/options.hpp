// What the command line asks for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace chaos {

struct chaos_options {
  std::uint64_t seed = 1;
  double minutes = 1; ///< no further episode begins after that time
  std::uint32_t first_episode = 0;
  std::uint32_t episodes = UINT32_MAX;
  double intensity = 1;    ///< multiplies how often faults occur
  bool quiet = false;      ///< only the summary, and failures
  bool keep_going = false; ///< after a failure: next episode, with a new application
  bool plan_only = false;  ///< print the schedule and end
  bool help = false;
  std::filesystem::path driver;    ///< the program under test
  std::filesystem::path directory; ///< for logs; empty: a new one, kept only after failures
};

/// Errors: std::invalid_argument, with the usage.
chaos_options read_options(const std::vector<std::string>& arguments);

std::string help_text();

/// The command that does the same again.
std::string replay_command(const chaos_options& options, std::uint32_t episode);

} // namespace chaos
