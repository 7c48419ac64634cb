#include <salamander/actors/result_threads.hpp>

#include <fmt/format.h>

namespace salamander::actors {

result_threads::result_threads(std::shared_ptr<executor_runtime> blocks, std::uint32_t threads) : blocks_(std::move(blocks)) {
  for (std::uint32_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { work(); });
}

result_threads::~result_threads() {
  stop();
}

void result_threads::fetch(std::uint32_t executor, task_report report, std::function<void(task_report)> then) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_)
      return;
    wishes_.push_back({executor, std::move(report), std::move(then)});
  }
  changed_.notify_one();
}

void result_threads::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wishes_.clear();
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

void result_threads::work() {
  for (;;) {
    wish one;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !wishes_.empty(); });
      if (stopping_)
        return;
      one = std::move(wishes_.front());
      wishes_.pop_front();
    }
    fulfil(one);
  }
}

void result_threads::fulfil(wish& one) {
  try {
    std::get<task_report::success>(one.report.outcome).result = blocks_->fetch_result(one.executor, one.report.task);
  } catch (const std::exception& failure) {
    one.report.outcome =
        task_report::user_error{fmt::format("the result of the task was lost with executor {}: {}", one.executor, failure.what()),
                                static_cast<std::uint8_t>(errc::executor_lost)};
  }
  one.then(std::move(one.report));
}

} // namespace salamander::actors
