// Defects of a cluster's machines that its simulator (tests/sim/cluster) can switch on, one at a time, to show that it would notice
// them. In a shipped build they are nothing at all; see rdd/probes.hpp.
#pragma once

#include <cstdint>

namespace salamander::scheduler::cluster {

/// Each is asked for in exactly one place.
enum class defect : std::uint8_t {
  none,
  takes_over_early,    ///< a standby waits for less than a lease
  attempt_not_written, ///< a driver's attempt is started without a word in the journal
  end_not_written,     ///< a driver's end is not written
  token_forgotten,     ///< a submission that is repeated is another one
  old_orders_obeyed,   ///< a worker does what a former leader wants
  buried_comes_back,   ///< an executor that was given up registers again
  reports_not_counted, ///< what a driver says does not end its silence
  failed_is_retried,   ///< a driver that ran and failed is tried on another worker, as if it had never run
  count_
};

#ifdef SALAMANDER_SIMULATION
/// Whether this defect is switched on.
bool planted(defect which) noexcept;
#else
constexpr bool planted(defect) noexcept {
  return false;
}
#endif

} // namespace salamander::scheduler::cluster
