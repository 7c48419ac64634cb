// What is peculiar to barrier stages, whose tasks run all at the same time and wait for each other.
#pragma once

#include <salamander/scheduler/events.hpp>

namespace salamander::scheduler {

/// A barrier stage needs more cores than all executors have.
struct gang_shortage {
  std::uint32_t checks = 0; ///< that have found too few
  time_point next;
};

/// Why a barrier stage that computes `tasks` partitions of `root` cannot be run; empty: it can.
/// Its tasks stand for the partitions of every dataset up to the last shuffle, one for one, so that all of them have as many; and a
/// dataset is made from one barrier dataset at most, whose tasks are the stage's.
/// Limits: linear in the datasets and dependencies of the stage; chains may be a hundred thousand long.
std::string barrier_refusal(const core::lineage& root, std::uint32_t tasks);

} // namespace salamander::scheduler
