// The memory of one table or buffer of a task, taken from the budget as it grows.
#pragma once

#include <salamander/rdd/lineage.hpp>
#include <salamander/rdd/task_context.hpp>

#include <utility>

namespace salamander::core {

/// Holds bytes of the task's budget for something that grows and shrinks, and gives them back with its own end.
/// Used by the task's thread. Requires: `dataset` and the context outlive it.
class memory_claim {
public:
  /// `what`: for the error, as in "combining by key needs 4096 more bytes".
  memory_claim(task_context& context, const lineage& dataset, const char* what) noexcept
      : context_(&context), dataset_(&dataset), what_(what) {}
  memory_claim(memory_claim&& other) noexcept
      : context_(other.context_), dataset_(other.dataset_), what_(other.what_), held_(std::exchange(other.held_, 0)) {}
  memory_claim& operator=(memory_claim&&) = delete;
  ~memory_claim() {
    if (held_ != 0)
      context_->release(held_);
  }

  /// The thing takes `bytes` now, or is about to. Cheap: the budget is asked only when that is more than before, or much less.
  /// Errors: errc::out_of_memory with operation, call site, partition and what to do.
  void hold(std::size_t bytes) {
    if (bytes > held_)
      grow(bytes - held_);
    else if (held_ - bytes > slack_bytes)
      shrink(held_ - bytes);
  }
  /// The same for records to be cached, which do not push cached partitions of their own dataset out. False: they do not fit, and
  /// nothing changed. Gives back at once what is not needed any more.
  bool try_hold(std::size_t bytes, rdd_id cached_for);
  /// Some more beside what is held.
  void add(std::size_t bytes) {
    if (bytes != 0)
      grow(bytes);
  }
  void clear() noexcept {
    shrink(held_);
  }
  std::size_t held_bytes() const noexcept {
    return held_;
  }

private:
  static constexpr std::size_t slack_bytes = 64U << 10;

  void grow(std::size_t more);
  void shrink(std::size_t less) noexcept;

  task_context* context_;
  const lineage* dataset_;
  const char* what_;
  std::size_t held_ = 0;
};

/// What a full vector of `size` and `capacity` elements takes at most while `more` elements are appended: its old and its new array.
constexpr std::size_t bytes_while_growing(std::size_t size, std::size_t capacity, std::size_t more, std::size_t element_bytes) noexcept {
  const auto wanted = size + more;
  if (wanted <= capacity)
    return capacity * element_bytes;
  return (capacity + (wanted > 2 * capacity ? wanted : 2 * capacity)) * element_bytes;
}

} // namespace salamander::core
