// What is known of a launched application: written by the thread that sees to it, read by the handle's users.
#pragma once

#include <salamander/rdd/launch_request.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace salamander::actors {

struct launch_view {
  launch_state state = launch_state::submitted;
  std::string application;
  std::string driver;
  std::string reason;
  launch_progress progress;
  std::optional<int> exit_code;
  bool operator==(const launch_view&) const = default;
};

/// Threads: any.
class launch_board {
public:
  launch_view view() const;
  /// Calls `change(view)`, and the listeners if that changed something. No effect once the state is final.
  void update(const std::function<void(launch_view&)>& change);
  launch_state wait() const;
  bool wait_for(std::chrono::milliseconds time) const;
  void listen(core::launched::listener call);
  /// Nobody listens any more. Does not wait for a listener that is being called.
  void deafen();

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  launch_view view_;
  std::vector<std::shared_ptr<const core::launched::listener>> listeners_;
};

/// Sees to one application on a thread of its own.
class launch_watcher {
public:
  virtual ~launch_watcher() = default;
  /// Returns when the application is over or let go of.
  virtual void run() = 0;
  /// Makes `run` return soon: the program ends. Threads: any.
  virtual void leave() = 0;
};

/// The watchers' threads. They outlive handles; when the program ends they are told to leave, and waited for.
class launch_threads {
public:
  static launch_threads& instance();
  launch_threads() = default;
  launch_threads(const launch_threads&) = delete;
  launch_threads& operator=(const launch_threads&) = delete;
  ~launch_threads();

  void run(std::shared_ptr<launch_watcher> one);

private:
  struct entry {
    std::shared_ptr<launch_watcher> watcher;
    std::shared_ptr<std::atomic<bool>> over;
    std::thread thread;
  };

  std::mutex mutex_;
  std::vector<entry> all_;
};

} // namespace salamander::actors
