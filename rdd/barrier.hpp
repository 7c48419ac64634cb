// What a function of a barrier stage may ask of the other tasks of its stage.
#pragma once

#include <salamander/rdd/current_task.hpp>

#include <vector>

namespace salamander {

/// Where a task of a barrier stage runs.
struct barrier_task_info {
  std::string address;        ///< of its machine, for connections that functions make between themselves
  std::uint32_t executor = 0; ///< the same number: the same process
};

/// The attempt that runs on this thread, as one of a barrier stage: barrier_here() gives it. A handle: valid until the attempt ends, on
/// its own thread.
///
/// All tasks of the stage have to make the same calls of `wait` and `all_gather`, in the same order. When a task fails, is lost, or ends
/// without a call that others wait in, the whole stage runs again, at most as often as stages do (salamander.stage.maxConsecutiveAttempts).
/// Source: Spark's BarrierTaskContext.
class barrier_task : public task_context {
public:
  static constexpr std::size_t text_bytes_max = 64U << 10;      ///< given to one all_gather by one task
  static constexpr std::size_t gathered_bytes_max = 512U << 10; ///< by all tasks of the stage together

  /// Returns when every task of the stage has called it. What a task did before is done then, for those that share memory or files with it.
  /// Errors: errc::task_failed when not all tasks will come: one has ended, calls all_gather instead, or does not come within
  /// salamander.barrier.sync.timeout. Let it end the task.
  void wait() const;
  /// The same, and returns what every task of the stage has given, by partition. For addresses and small numbers.
  /// Errors: as wait; errc::invalid_argument for more than text_bytes_max; errc::task_failed for more than gathered_bytes_max.
  std::vector<std::string> all_gather(std::string text) const;
  /// Where the tasks of the stage run, by partition.
  const std::vector<barrier_task_info>& task_infos() const noexcept;

private:
  friend barrier_task barrier_here();
  explicit barrier_task(core::task_context& running) noexcept : task_context(running) {}

  std::vector<std::string> meet(const std::string* gives) const;
};

/// Errors: errc::invalid_argument where no task of a barrier stage runs: on the driver, on threads that functions have started, and in
/// functions of datasets that are not made by barrier(). Threads: any.
barrier_task barrier_here();

} // namespace salamander
