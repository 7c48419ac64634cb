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
  /// Makes an entry for a shuffle of `partitions` map partitions, unless there is one. `made_from`: the shuffles its map stage reads.
  void declare(shuffle_id shuffle, std::uint32_t partitions, std::vector<shuffle_id> made_from = {});

  enum class outcome : std::uint8_t {
    refused, ///< one is registered already; nothing has changed
    registered,
    differs, ///< registered, but with other contents than an earlier output that somebody may have read
  };
  /// Records the output of a map partition. `fingerprint`: of its contents; 0: unknown, and then nothing is found to differ.
  outcome add(shuffle_id shuffle, std::uint32_t partition, executor_id executor, task_id task, std::uint64_t fingerprint);
  /// A copy of the output registered lies in a file: should its executor lose it, it is read from there.
  void keep(shuffle_id shuffle, std::uint32_t partition);

  /// A stage that reads the shuffle begins: from now on its contents matter to somebody.
  void mark_read(shuffle_id shuffle);
  bool was_read(shuffle_id shuffle) const;
  /// Whoever read the shuffle has been rolled back: what was there before does not matter any more.
  void forget_readers(shuffle_id shuffle);

  /// The shuffles that were made from this one, directly or not.
  std::vector<shuffle_id> made_from(shuffle_id shuffle) const;

  /// Forgets all outputs of a shuffle, but not what they were like. Returns how many there were.
  std::size_t remove_all(shuffle_id shuffle);

  /// Forgets one output if it is registered at `executor`. Returns whether it was, and is lost: one of which there is a copy in a file is
  /// registered there instead.
  bool remove(shuffle_id shuffle, std::uint32_t partition, executor_id executor);

  /// Forgets all outputs of an executor. Returns the partitions concerned, by shuffle.
  std::vector<std::pair<shuffle_id, std::vector<std::uint32_t>>> remove_executor(executor_id executor);

  /// The output that attempt `task` made is at `to` now. False, and nothing has changed, if it is not the one registered at `from`.
  bool relocate(shuffle_id shuffle, std::uint32_t partition, executor_id from, executor_id to, task_id task);
  /// All that is registered at an executor, in order.
  std::vector<std::pair<shuffle_id, std::uint32_t>> held_by(executor_id executor) const;

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
    std::vector<bool> kept; ///< a copy lies in a file; empty while there is none
    std::size_t registered = 0;
    std::vector<std::uint64_t> fingerprints; ///< of what was registered first, or has been read; empty while none is known
    std::vector<shuffle_id> made_from;
    bool read = false;
  };

  const outputs* find(shuffle_id shuffle) const;

  std::map<shuffle_id, outputs> shuffles_;
};

} // namespace salamander::scheduler
