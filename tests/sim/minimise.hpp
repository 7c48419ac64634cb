// Makes a failing scenario as small as it can be while it still fails in the same way.
#pragma once

#include "scenario.hpp"

#include <functional>

namespace salamander::sim {

/// Leaves out faults, jobs and releases, in ever smaller groups, as long as `still_fails` says so (delta debugging).
/// Limits: asks at most `tries_max` times. Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002.
scenario minimise(const scenario& failing, const std::function<bool(const scenario&)>& still_fails, std::uint32_t tries_max = 500);

} // namespace salamander::sim
