// Which executors hold which cached partitions.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <map>
#include <set>
#include <span>
#include <vector>

namespace salamander::scheduler {

/// The driver's view of all caches. It may lag behind: a block that is not there any more is recomputed by whoever misses it.
class cache_table {
public:
  void add(cached_block block, executor_id executor);

  /// Whether a partition of the dataset is held, so that its sources are known.
  bool knows(rdd_id dataset) const {
    return datasets_.contains(dataset);
  }
  /// The shuffles from which the dataset's partitions are computed. Called before the first `add`.
  void declare(rdd_id dataset, std::vector<shuffle_id> made_from);
  /// Datasets with partitions somewhere that were computed from one of these shuffles.
  std::vector<rdd_id> made_from(const std::set<shuffle_id>& shuffles) const;
  void remove(cached_block block, executor_id executor);
  void remove_dataset(rdd_id dataset);
  void remove_dataset(rdd_id dataset, executor_id executor);

  /// Forgets all blocks of an executor. Returns how many there were.
  std::size_t remove_executor(executor_id executor);

  /// All blocks that an executor holds, in order.
  std::vector<cached_block> held_by(executor_id executor) const;

  /// The executors that hold a block, oldest first.
  std::span<const executor_id> holders(rdd_id dataset, std::uint32_t partition) const;

  /// Number of partitions that somebody holds.
  std::uint32_t partitions(rdd_id dataset) const;

  /// Whether `dataset` asked to be cached and all its partitions are: what it was made from is not needed then.
  bool complete(const core::lineage& dataset) const;

private:
  struct entry {
    std::vector<std::vector<executor_id>> holders; ///< by partition
    std::uint32_t present = 0;
    std::vector<shuffle_id> made_from;
  };

  std::size_t partition_slots(rdd_id dataset) const;

  std::map<rdd_id, entry> datasets_;
};

} // namespace salamander::scheduler
