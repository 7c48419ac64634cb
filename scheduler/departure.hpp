// What is known of an executor that leaves: what it has still to hand over, and who may still come to it for that.
#pragma once

#include <salamander/scheduler/events.hpp>

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace salamander::scheduler {

/// A map output or a cached block of a leaving executor.
struct departing_block {
  bool is_map_output = false;
  std::uint32_t owner = 0; ///< shuffle or dataset
  std::uint32_t partition = 0;
  task_id made_by{}; ///< map outputs
  std::uint32_t failures = 0;
  std::vector<executor_id> refused_by{}; ///< since `failures` was 0
};

/// One that has been sent for.
struct block_move {
  executor_id from;
  executor_id to;
  departing_block block;
};

struct departure {
  std::string reason;
  bool may_stay = false;
  bool begun = false;                 ///< what it held at first is open, or moves
  bool looked = false;                ///< and nothing more was found since its last task ended
  std::deque<departing_block> open;   ///< to be sent for
  std::vector<departing_block> stuck; ///< nobody has room for them
  std::optional<time_point> retry_at; ///< stuck ones are tried again
  bool said_stuck = false;
  std::uint32_t moving = 0;
  std::size_t moved = 0;
  std::set<shuffle_id> shuffles; ///< of which an output has moved
  std::set<rdd_id> datasets;     ///< of which a block has moved
  /// Tasks with smaller numbers may have been told to read here. Without value: what is sent now may still be.
  std::optional<task_id> told_before;
};

} // namespace salamander::scheduler
