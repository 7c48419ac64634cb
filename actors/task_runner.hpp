// One attempt of one task, from its order to its report.
#pragma once

#include <salamander/actors/block_service.hpp>
#include <salamander/actors/task_environment.hpp>
#include <salamander/actors/task_watch.hpp>

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

  /// The program if some task has asked for it already, else null.
  const core::stage_program* peek() const noexcept {
    return ready_.load(std::memory_order_acquire);
  }

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
  stage_state(stage_order what, std::uint64_t drops)
      : order(std::move(what)), inputs(order), facts{order.stage_attempt, order.properties, order.gang}, ordered_at(drops) {}
  const stage_order order;
  const stage_inputs inputs;
  const core::stage_facts facts;
  const std::uint64_t ordered_at; ///< block_store::drops() then
  lazy_program program;
};

/// What a task thread runs now, so that others can watch and cancel it. Threads: any.
class running_task {
public:
  using time_point = watched_task::time_point;

  /// The task was taken from the queue and will begin. Requires: `stage` lives until `end`.
  void expect(const task_order& order, const stage_state& stage, time_point now) {
    const std::lock_guard lock(mutex_);
    task_ = order.task;
    order_ = order;
    stage_ = &stage;
    started_ = now;
    cancelled_ = false;
    timed_out_.reset();
  }
  void begin(core::task_context& context) {
    const std::lock_guard lock(mutex_);
    context_ = &context;
    if (cancelled_)
      context.cancel();
  }
  /// From here on the context is not touched. Returns the text given to `time_out`, if it was called.
  std::optional<std::string> end() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    stage_ = nullptr;
    task_ = 0;
    return std::exchange(timed_out_, std::nullopt);
  }
  /// Where it is; `position`: of this thread.
  watched_task where(const core::task_position& position) const;
  /// The title of a dataset that the task may be in; empty if it is not known yet.
  std::string title_of(std::uint32_t dataset) const;
  /// Cancels the task, if it still runs; unless it succeeds all the same, it has failed with this text.
  void time_out(std::uint64_t task, const std::string& text);
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
  mutable std::mutex mutex_;
  std::uint64_t task_ = 0; ///< ids begin at 1
  task_order order_;
  const stage_state* stage_ = nullptr;
  time_point started_{};
  core::task_context* context_ = nullptr;
  bool cancelled_ = false;
  std::optional<std::string> timed_out_;
};

/// Runs the attempt on the calling thread. Faults: whatever it throws becomes its report.
/// `faults`: what it shall suffer; null: nothing.
task_report run_task(block_service& blocks, barrier_hall& barriers, const executor_options& options, const task_order& order,
                     stage_state& stage, running_task& running, core::task_position& position, core::task_faults* faults = nullptr);

} // namespace salamander::actors
