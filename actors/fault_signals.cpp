#include <salamander/actors/fault_signals.hpp>

#include <signal.h>

#include <algorithm>

namespace salamander::actors {
namespace {

/// Much shorter than a heartbeat: a slow executor is no silent one.
constexpr std::chrono::milliseconds period{40};

} // namespace

void fault_signals::stop(std::uint32_t executor, std::chrono::milliseconds time) {
  begin({executor, true, std::chrono::milliseconds(0), time, clock::now() + time});
}

void fault_signals::slow(std::uint32_t executor, double factor, std::chrono::milliseconds time) {
  const auto runs = std::max(std::chrono::milliseconds(1), std::chrono::milliseconds(static_cast<int>(period.count() / factor)));
  begin({executor, true, runs, std::chrono::milliseconds(static_cast<int>(static_cast<double>(runs.count()) * (factor - 1)) + 1),
         clock::now() + time});
}

void fault_signals::begin(turn one) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_)
      return;
    send_(one.executor, SIGSTOP);
    due_.emplace(clock::now() + one.rests, one);
    if (!thread_.joinable())
      thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
}

void fault_signals::work() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = due_.begin();
    if (const auto when = first->first; clock::now() < when) {
      changed_.wait_until(lock, when);
      continue;
    }
    auto one = first->second;
    due_.erase(first);
    one.stopped = !one.stopped;
    const auto now = clock::now();
    if (one.stopped && now >= one.until)
      continue; // it runs, and may go on
    send_(one.executor, one.stopped ? SIGSTOP : SIGCONT);
    if (one.stopped || one.runs.count() != 0)
      due_.emplace(now + (one.stopped ? one.rests : one.runs), one);
  }
}

void fault_signals::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const auto& [when, one] : due_)
      if (one.stopped)
        send_(one.executor, SIGCONT);
    due_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

} // namespace salamander::actors
