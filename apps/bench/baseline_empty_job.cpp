#include "baseline.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>

namespace bench {

namespace {

/// Threads that wait for tasks, as one would write them by hand.
class thread_pool {
public:
  explicit thread_pool(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this] { serve(); });
  }

  ~thread_pool() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    work_.notify_all();
    for (auto& thread : threads_)
      thread.join();
  }

  /// Runs `task` so many times and returns when all runs have ended.
  void run(std::size_t times, const std::function<void()>& task) {
    std::unique_lock lock(mutex_);
    unfinished_ = times;
    for (std::size_t i = 0; i < times; ++i)
      tasks_.push_back(task);
    work_.notify_all();
    done_.wait(lock, [this] { return unfinished_ == 0; });
  }

private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
      if (tasks_.empty())
        return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
      if (--unfinished_ == 0)
        done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::deque<std::function<void()>> tasks_;
  std::size_t unfinished_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

} // namespace

report empty_job(const arguments& args) {
  const std::size_t tasks = args.number("tasks", 2);
  const std::size_t jobs = args.number("jobs", 500);
  thread_pool pool(args.threads());
  std::vector<double> seconds;
  for (std::size_t i = 0; i < jobs + jobs / 2; ++i) {
    const stopwatch watch;
    pool.run(tasks, [] {});
    // The first third warms up.
    if (i >= jobs / 2)
      seconds.push_back(watch.seconds());
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  if (!args.json())
    std::printf("%.1f us a job of %zu empty tasks\n", *middle * 1e6, tasks);
  return {*middle, 0, exact(tasks * jobs)};
}

} // namespace bench
