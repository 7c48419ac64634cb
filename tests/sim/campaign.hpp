// Many runs: in threads, counted, and what failed made as small as it can be.
#pragma once

#include "probes.hpp"
#include "run.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace salamander::sim {

struct campaign_options {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 200;
  unsigned threads = 1;
  std::uint32_t replay_every = 100; ///< every so many seeds are run twice; 0: none
};

/// What came of a campaign.
struct summary {
  std::uint64_t runs = 0;
  std::uint64_t replayed = 0;
  std::uint64_t events = 0;
  double virtual_seconds = 0;
  double real_seconds = 0;
  run_counts counts;
  corruption_counts corruption;
  network::counts messages;
  std::array<std::uint64_t, static_cast<std::size_t>(fault_kind::count_)> injected{};
  std::map<std::string, std::uint64_t> probes;
  std::map<std::string, std::uint64_t> failures; ///< by check
  std::vector<run_result> failed;                ///< by seed

  void add(const run_result& one);
};

summary run_campaign(const campaign_options& options);

struct caught_defect {
  core::defect which = core::defect::none;
  std::optional<std::uint64_t> seed; ///< the first that noticed
  std::string check;
};

/// Plants each of the defects and looks for the first seed that notices. A seed that fails without the defect, too, does not count.
std::vector<caught_defect> hunt(const std::vector<core::defect>& defects, std::uint64_t seeds_max, unsigned threads);

} // namespace salamander::sim
