// Where the tasks of one process wait for the other tasks of their barrier stages.
#pragma once

#include <salamander/actors/executor_runtime.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <unordered_map>

namespace salamander::actors {

/// Threads: any. Limits: nobody waits longer than the driver's timeout, and what a task gives is bounded (barrier_task).
class barrier_hall {
public:
  /// `on_arrival`: called by waiting tasks when arrivals are to be taken and none were before; quick.
  explicit barrier_hall(std::function<void()> on_arrival) : on_arrival_(std::move(on_arrival)) {}

  /// Until an answer names the task and the epoch. `cancelled`: of the task, looked at every 50 ms; null: never.
  /// Errors: core::task_cancelled; errc::task_failed with the answer's text.
  std::vector<std::string> wait(barrier_arrival arrival, const std::atomic<bool>* cancelled);
  std::vector<barrier_arrival> take_arrivals();
  void answer(barrier_answer what);

private:
  struct waiting {
    std::uint32_t epoch = 0;
    std::shared_ptr<const barrier_answer> answer;
    std::condition_variable changed;
  };

  const std::function<void()> on_arrival_;
  std::mutex mutex_;
  std::vector<barrier_arrival> arrivals_;
  std::unordered_map<std::uint64_t, waiting*> waiting_; ///< by task; each on its thread's stack
};

} // namespace salamander::actors
