#include <salamander/actors/launcher.hpp>

#include <salamander/actors/quiet_threads.hpp>

#include <fmt/format.h>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;

struct child {
  pid_t process = 0;
  descriptor watch; ///< readable when the child is gone
  std::optional<clock::time_point> kill_at;
  std::string kill_reason;
  bool killed = false;
  int ends_seen = 0; ///< polls that said the watch has ended
};

/// A watch that ended without its process being dead for so many polls belongs to a program that closed it: do not spin.
constexpr int ends_seen_max = 400;

} // namespace

std::string describe_exit(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), ::sigdescr_np(WTERMSIG(status)));
  return fmt::format("exited with code {}", WEXITSTATUS(status));
}

class launcher::impl {
public:
  explicit impl(std::function<void(std::uint32_t, const std::string&)> on_ended)
      : on_ended_(std::move(on_ended)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const quiet_threads takes_no_signals;
    // Children die with the thread that made them (PR_SET_PDEATHSIG), so it must be one that stays.
    thread_ = std::thread([this] { run(); });
  }

  ~impl() {
    stop(std::chrono::milliseconds(0));
  }

  void order(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      orders_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  }

  void start(process_order what) {
    order([this, what = std::move(what)]() mutable {
      if (stopping_)
        on_ended_(what.executor, "not started: the application ends");
      else
        spawn(what);
    });
  }

  void kill(std::uint32_t executor, std::string reason, std::chrono::milliseconds grace) {
    order([this, executor, reason = std::move(reason), grace] {
      const auto at = children_.find(executor);
      if (at == children_.end() || at->second.kill_at)
        return;
      at->second.kill_at = clock::now() + grace;
      at->second.kill_reason = reason;
    });
  }

  /// Under the lock that burials take: the number cannot be another process's by then.
  std::int64_t signal(std::uint32_t executor, int number) {
    const std::lock_guard lock(mutex_);
    const auto at = processes_.find(executor);
    if (at == processes_.end())
      return 0;
    ::kill(at->second, number);
    return at->second;
  }

  void stop(std::chrono::milliseconds grace) {
    order([this, grace] {
      stopping_ = true;
      for (auto& [executor, one] : children_)
        one.kill_at = std::min(one.kill_at.value_or(clock::time_point::max()), clock::now() + grace);
    });
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable())
      thread_.join();
  }

  std::int64_t process_of(std::uint32_t executor) const {
    const std::lock_guard lock(mutex_);
    const auto at = processes_.find(executor);
    return at == processes_.end() ? 0 : at->second;
  }

private:
  void spawn(process_order& what) {
    auto [started, failure] = start_child({what.program, std::move(what.arguments), std::move(what.environment)});
    if (failure != 0) {
      on_ended_(what.executor, fmt::format("{} could not be started: {}", what.program, std::strerror(failure)));
      return;
    }
    child one;
    one.process = started.process;
    one.watch = std::move(started.watch);
    {
      const std::lock_guard lock(mutex_);
      processes_[what.executor] = one.process;
    }
    children_.emplace(what.executor, std::move(one));
  }

  void run() {
    while (!stopping_ || !children_.empty()) {
      wait();
      take_orders();
      kill_due();
      bury();
    }
  }

  void wait() {
    std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
    // A process that forked without closing descriptor 3 hides the end of its parent: look now and then, too.
    auto timeout = std::chrono::milliseconds(children_.empty() ? 60000 : 200);
    for (const auto& [executor, one] : children_) {
      watched.push_back({one.ends_seen > ends_seen_max ? -1 : one.watch.get(), POLLIN, 0});
      if (one.killed)
        timeout = std::min(timeout, std::chrono::milliseconds(1));
      else if (one.kill_at)
        timeout =
            std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*one.kill_at - clock::now()), std::chrono::milliseconds(0), timeout);
    }
    ::poll(watched.data(), watched.size(), static_cast<int>(timeout.count()));
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_.get(), &count, sizeof count));
    // The descriptor ends a moment before the process can be buried; do not spin meanwhile.
    bool ending = false;
    auto seen = watched.begin();
    for (auto& [executor, one] : children_)
      if ((++seen)->revents != 0) {
        ++one.ends_seen;
        ending = true;
      }
    if (ending)
      std::this_thread::sleep_for(std::chrono::microseconds(500));
  }

  void take_orders() {
    std::deque<std::function<void()>> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
    }
    for (auto& one : orders)
      one();
  }

  void kill_due() {
    for (auto& [executor, one] : children_) {
      if (!one.kill_at || one.killed || *one.kill_at > clock::now())
        continue;
      int status = 0;
      // It may have ended by itself just now: then its own reason is the true one.
      if (reap(executor, one, status) == one.process) {
        bury_one(executor, one, describe_exit(status));
      } else {
        ::kill(one.process, SIGKILL);
        one.killed = true;
      }
    }
  }

  /// As waitpid. From here on nobody can name the process if it is dead.
  pid_t reap(std::uint32_t executor, const child& one, int& status) {
    const std::lock_guard lock(mutex_);
    const auto got = ::waitpid(one.process, &status, WNOHANG);
    if (got == one.process || (got < 0 && errno == ECHILD))
      processes_.erase(executor);
    return got;
  }

  void bury_one(std::uint32_t executor, child& one, const std::string& reason) {
    one.process = 0;
    on_ended_(executor, reason);
  }

  void bury() {
    for (auto& [executor, one] : children_) {
      if (one.process == 0)
        continue;
      int status = 0;
      const auto got = reap(executor, one, status);
      if (got == one.process)
        bury_one(executor, one, one.killed && !one.kill_reason.empty() ? one.kill_reason : describe_exit(status));
      else if (got < 0 && errno == ECHILD) // the program waits for children itself, or ignores SIGCHLD
        bury_one(executor, one, one.killed ? one.kill_reason : "ended; its exit status was taken by this program's own wait");
    }
    std::erase_if(children_, [](const auto& entry) { return entry.second.process == 0; });
  }

  const std::function<void(std::uint32_t, const std::string&)> on_ended_;
  const descriptor wake_;
  mutable std::mutex mutex_;
  std::deque<std::function<void()>> orders_;
  std::map<std::uint32_t, pid_t> processes_;
  std::map<std::uint32_t, child> children_; ///< the thread's own
  bool stopping_ = false;                   ///< the thread's own
  std::mutex join_mutex_;
  std::thread thread_;
};

launcher::launcher(std::function<void(std::uint32_t, const std::string&)> on_ended) : impl_(std::make_unique<impl>(std::move(on_ended))) {}
launcher::~launcher() = default;

void launcher::start(process_order order) {
  impl_->start(std::move(order));
}
void launcher::kill(std::uint32_t executor, std::string reason, std::chrono::milliseconds grace) {
  impl_->kill(executor, std::move(reason), grace);
}
std::int64_t launcher::signal(std::uint32_t executor, int number) {
  return impl_->signal(executor, number);
}
void launcher::stop(std::chrono::milliseconds grace) {
  impl_->stop(grace);
}
std::int64_t launcher::process_of(std::uint32_t executor) const {
  return impl_->process_of(executor);
}

} // namespace salamander::actors
