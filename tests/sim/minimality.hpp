// With the loss of one executor and nothing else wrong: is exactly that computed again which was lost and is still needed?
#pragma once

#include "messages.hpp"

#include <map>
#include <set>

namespace salamander::sim {

/// Invariant S5, for runs of one job in which one executor is killed. What has to be launched is found by looking at the lineage from
/// the result upwards. A task that runs when its inputs are lost may have read them or not: what only such tasks need may be computed
/// again or not; for all else the answer is exact.
class loss_accounting {
public:
  /// No shuffle: the result.
  using place = std::pair<std::optional<shuffle_id>, std::uint32_t>;
  struct state {
    const dataset* final = nullptr;
    std::set<std::uint32_t> delivered; ///< partitions
    std::set<std::uint32_t> wanted;
    std::set<place> held;    ///< map outputs that are left
    std::set<place> lost;    ///< and that went
    std::set<place> running; ///< that are left
  };

  void executor_lost(state now);
  void launched(const place& what);
  /// A job that failed needed nothing any more; what it had run again was lost all the same.
  void check_end(bool succeeded) const;

private:
  void need_parents(const core::lineage& of, bool running_count_as_done, std::set<place>& needed, std::set<shuffle_id>& seen) const;

  std::optional<state> before_;
  std::set<place> certain_;
  std::set<place> possible_;
  std::map<place, std::uint32_t> launches_;
};

} // namespace salamander::sim
