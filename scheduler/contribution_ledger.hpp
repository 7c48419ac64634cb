// Whose contributions to accumulators have been counted.
#pragma once

#include <salamander/scheduler/ids.hpp>

#include <unordered_map>
#include <vector>

namespace salamander::scheduler {

/// Remembers, for whatever computes partitions, which of them have been counted: the map sides of shuffles, the results of jobs, cached
/// datasets. A partition counts the first time that it is asked about, and never again.
class contribution_ledger {
public:
  bool first_of(shuffle_id shuffle, std::uint32_t partition) {
    return first(shuffles_[shuffle], partition);
  }
  bool first_of(job_id job, std::uint32_t index) {
    return first(jobs_[job], index);
  }
  bool first_of(rdd_id cached, std::uint32_t partition) {
    return first(datasets_[cached], partition);
  }
  /// They compute nothing any more.
  void forget(shuffle_id shuffle) {
    shuffles_.erase(shuffle);
  }
  void forget(job_id job) {
    jobs_.erase(job);
  }

private:
  using counted = std::vector<bool>;

  static bool first(counted& seen, std::uint32_t partition) {
    if (seen.size() <= partition)
      seen.resize(std::size_t{partition} + 1);
    if (seen[partition])
      return false;
    seen[partition] = true;
    return true;
  }

  std::unordered_map<shuffle_id, counted, core::id_hash> shuffles_;
  std::unordered_map<job_id, counted, core::id_hash> jobs_;
  std::unordered_map<rdd_id, counted, core::id_hash> datasets_; ///< a bit each for the life of the application
};

} // namespace salamander::scheduler
