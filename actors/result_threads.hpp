// Fetches large results from the executors that keep them.
#pragma once

#include <salamander/actors/scheduler_actor.hpp>

#include <deque>
#include <thread>

namespace salamander::actors {

/// Threads: any. Limits: `threads` fetches at a time; the others wait in order.
class result_threads final : public result_fetcher {
public:
  result_threads(std::shared_ptr<executor_runtime> blocks, std::uint32_t threads);
  ~result_threads() override;

  void fetch(std::uint32_t executor, task_report report, std::function<void(task_report)> then) override;
  /// Drops what waits, ends the threads. Idempotent.
  void stop();

private:
  struct wish {
    std::uint32_t executor = 0;
    task_report report;
    std::function<void(task_report)> then;
  };

  void work();
  void fulfil(wish& one);

  const std::shared_ptr<executor_runtime> blocks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<wish> wishes_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace salamander::actors
