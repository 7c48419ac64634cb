// A dataset of which the next operation runs all its tasks at the same time.
#pragma once

#include <salamander/rdd/barrier.hpp>
#include <salamander/rdd/narrow.hpp>
#include <salamander/rdd/source_location.hpp>

namespace salamander {

template <class T>
class rdd;

/// What rdd::barrier returns. The stage that computes the operation is launched when each of its tasks finds a free core, and not before;
/// its functions may wait for each other (barrier_here).
///
/// Limits: as many partitions as there are cores at most, and the same number in every dataset between two shuffles; not for first and
/// take. Errors: in the job, errc::invalid_argument for such a dataset; errc::stage_aborted where there will never be enough cores, or after
/// looking for them salamander.scheduler.barrier.maxConcurrentTasksCheck.maxFailures times.
/// Faults: when one task fails or is lost all of them run again.
template <class T>
class barrier_rdd {
public:
  explicit barrier_rdd(rdd<T> dataset) : dataset_(std::move(dataset)) {}

  /// As rdd::map_partitions. f is called when the records are asked for, in all tasks at the same time.
  template <core::partition_function<T> F>
  auto map_partitions(F f, bool preserves_partitioning = false, source_location where = source_location::current()) const {
    return together(dataset_.map_partitions(std::move(f), preserves_partitioning, where));
  }
  /// As rdd::map_partitions_with_index.
  template <core::partition_function<T> F>
  auto map_partitions_with_index(F f, bool preserves_partitioning = false, source_location where = source_location::current()) const {
    return together(dataset_.map_partitions_with_index(std::move(f), preserves_partitioning, where));
  }

private:
  template <class Made>
  static Made together(Made made) {
    made.node()->barrier = true; // nobody else has seen it yet
    return made;
  }

  rdd<T> dataset_;
};

} // namespace salamander
