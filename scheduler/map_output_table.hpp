// Which executor holds the output of which map partition of which shuffle.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <map>
#include <utility>
#include <vector>

namespace salamander::scheduler {

/// Outlives stages and jobs: a shuffle's entry stays until the shuffle is released, and holds no lineage.
class map_output_table {
public:
  /// Makes an entry for a shuffle of `partitions` map partitions, unless there is one.
  void declare(shuffle_id shuffle, std::uint32_t partitions);

  /// Records the output of a map partition. Returns false, and changes nothing, when one is registered already.
  bool add(shuffle_id shuffle, std::uint32_t partition, executor_id executor, task_id task);

  /// Forgets one output if it is registered at `executor`. Returns whether it was.
  bool remove(shuffle_id shuffle, std::uint32_t partition, executor_id executor);

  /// Forgets all outputs of an executor. Returns the partitions concerned, by shuffle.
  std::vector<std::pair<shuffle_id, std::vector<std::uint32_t>>> remove_executor(executor_id executor);

  void release(shuffle_id shuffle);

  /// Whether every map partition of a declared shuffle has an output.
  bool complete(shuffle_id shuffle) const;

  bool has(shuffle_id shuffle, std::uint32_t partition) const;

  /// By map partition; empty for an unknown shuffle.
  const shuffle_locations& locations(shuffle_id shuffle) const;

  /// The attempt whose output is registered; 0 where there is none.
  task_id task_of(shuffle_id shuffle, std::uint32_t partition) const;

  std::size_t size() const noexcept {
    return shuffles_.size();
  }

private:
  struct outputs {
    shuffle_locations where;
    std::vector<task_id> by;
    std::size_t registered = 0;
  };

  const outputs* find(shuffle_id shuffle) const;

  std::map<shuffle_id, outputs> shuffles_;
};

} // namespace salamander::scheduler
