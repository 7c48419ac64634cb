// Decides, from the seed alone, what is done to the application and when.
#pragma once

#include "harness/faults.hpp"

namespace chaos {

/// A time of faults; after it everything is healed and the application has to recover.
struct episode {
  std::uint32_t number = 0;
  milliseconds length{0};
  std::vector<std::string> kinds;    ///< that are on in this episode
  std::vector<planned_fault> faults; ///< in order of time; none lasts longer than the episode
};

/// Each episode switches each kind on or off by itself: some bugs need a fault alone, others need it not to be masked by another.
/// `intensity` multiplies how often each kind occurs. The same arguments give the same episode; other episodes do not influence it.
episode plan_episode(std::uint64_t seed, std::uint32_t number, const std::vector<fault_kind>& all, double intensity);

/// One line for each fault.
std::string describe(const episode& what);

} // namespace chaos
