// One attempt of one task, from its order to its report.
#pragma once

#include <salamander/actors/block_service.hpp>
#include <salamander/actors/task_environment.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <variant>

namespace salamander::actors {

/// A stage's program, decoded by the first task that wants it. Threads: any.
class lazy_program {
public:
  using outcome = std::variant<const core::stage_program*, task_report::user_error>;

  /// Errors: core::task_cancelled. A plan that does not decode is remembered as such; one that could not be fetched is tried again.
  outcome get(const stage_order& order, block_service& blocks, const std::atomic<bool>& cancelled);

  /// For an order that came twice.
  void take_from(const lazy_program& other);

private:
  std::atomic<const core::stage_program*> ready_{nullptr};
  mutable std::mutex mutex_;
  std::shared_ptr<const core::stage_program> program_;
  std::optional<task_report::user_error> failure_;
};

/// One attempt of one stage, as this executor knows it.
struct stage_state {
  explicit stage_state(stage_order what) : order(std::move(what)), inputs(order) {}
  const stage_order order;
  const stage_inputs inputs;
  lazy_program program;
};

/// What a task thread runs now, so that others can cancel it. Threads: any.
class running_task {
public:
  /// The task was taken from the queue and will begin.
  void expect(std::uint64_t task) {
    const std::lock_guard lock(mutex_);
    task_ = task;
    cancelled_ = false;
  }
  void begin(core::task_context& context) {
    const std::lock_guard lock(mutex_);
    context_ = &context;
    if (cancelled_)
      context.cancel();
  }
  /// From here on the context is not touched.
  void end() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    task_ = 0;
  }
  template <class Predicate>
  void cancel_where(Predicate& wanted) {
    const std::lock_guard lock(mutex_);
    if (task_ == 0 || !wanted(task_))
      return;
    cancelled_ = true;
    if (context_)
      context_->cancel();
  }

private:
  std::mutex mutex_;
  std::uint64_t task_ = 0; ///< ids begin at 1
  core::task_context* context_ = nullptr;
  bool cancelled_ = false;
};

/// Runs the attempt on the calling thread. Faults: whatever it throws becomes its report.
task_report run_task(block_service& blocks, const executor_options& options, const task_order& order, stage_state& stage,
                     running_task& running, core::task_position& position);

} // namespace salamander::actors
