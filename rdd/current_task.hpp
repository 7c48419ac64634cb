// What a function that runs in a task may ask about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace salamander {

namespace core {
class task_context;
}

/// The attempt that runs on this thread, as current_task() gives it. A handle: valid until the attempt ends, on its own thread.
class task_context {
public:
  /// The stage's number in the application, and how often it had been tried before.
  std::uint32_t stage() const noexcept;
  std::uint32_t stage_attempt() const noexcept;
  /// Of the dataset that the stage computes: datasets it is made from may have other partitions.
  std::uint32_t partition() const noexcept;
  /// 0 for the first attempt at this partition in this stage attempt.
  std::uint32_t attempt() const noexcept;
  /// Different for each attempt in the application.
  std::uint64_t task_attempt_id() const noexcept;
  /// True once nobody wants the result; long loops within one record may look at it and return early.
  bool cancelled() const noexcept;

  /// What the thread that started the job had set by context::set_local_property; for a stage that several jobs need, those of the first.
  std::optional<std::string> local_property(const std::string& key) const;

  /// Records and bytes that sources have read for this attempt so far, and the memory it has claimed.
  std::uint64_t records_read() const noexcept;
  std::uint64_t bytes_read() const noexcept;
  std::size_t memory_claimed() const noexcept;

  /// Called on this thread when the attempt is over, however it ends, the last one registered first. What it adds to accumulators
  /// counts. Errors: an exception fails an attempt that had succeeded so far.
  void on_completion(std::function<void(const task_context&)> call) const;
  /// Called before those, with the error's text, if the attempt has failed or was cancelled. Errors: exceptions are put down to the end
  /// of the attempt's error.
  void on_failure(std::function<void(const task_context&, const std::string& why)> call) const;

private:
  friend class barrier_task;
  friend std::optional<task_context> current_task() noexcept;
  friend class core::task_context;
  explicit task_context(core::task_context& running) noexcept : running_(&running) {}

  core::task_context* running_;
};

/// Nothing outside of tasks. Threads: any.
std::optional<task_context> current_task() noexcept;

} // namespace salamander
