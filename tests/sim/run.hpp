// One run: a scenario from its beginning to the moment when nothing is left of it.
#pragma once

#include "world.hpp"

#include <map>
#include <string>

namespace salamander::sim {

struct run_result {
  std::uint64_t seed = 0;
  bool failed = false;
  std::string check; ///< which invariant was broken
  std::string text;
  std::string why_not_live; ///< for L1 and L2
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  duration virtual_time{0};
  run_counts counts;
  corruption_counts corruption;
  network::counts messages;
  std::array<std::uint64_t, static_cast<std::size_t>(fault_kind::count_)> injected{};
};

/// Threads: any, each its own runs. Errors: none leave it; an exception of a state machine is a broken invariant (S8).
run_result run(const scenario& what, bool printing = false);

} // namespace salamander::sim
