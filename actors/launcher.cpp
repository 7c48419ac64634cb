#include <salamander/actors/launcher.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
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

class descriptor {
public:
  explicit descriptor(int value = -1) noexcept : value_(value) {}
  descriptor(descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~descriptor() {
    if (value_ >= 0)
      ::close(value_);
  }
  int get() const noexcept {
    return value_;
  }

private:
  int value_;
};

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

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// posix_spawn's two objects, initialised and destroyed together.
class spawn_settings {
public:
  explicit spawn_settings(int watch) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, watch, parent_watch_descriptor);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, parent_watch_descriptor + 1);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;
  ~spawn_settings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  posix_spawn_file_actions_t* actions() noexcept {
    return &actions_;
  }
  posix_spawnattr_t* attributes() noexcept {
    return &attributes_;
  }

private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

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
    // Users' signal handlers run on users' threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    // Children die with the thread that made them (PR_SET_PDEATHSIG), so it must be one that stays.
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
      on_ended_(what.executor, fmt::format("could not be started: {}", std::strerror(errno)));
      return;
    }
    descriptor ours(pair[0]);
    const descriptor low(pair[1]);
    // Away from the numbers that it and the standard streams have in the child.
    const descriptor theirs(::fcntl(low.get(), F_DUPFD_CLOEXEC, 10));
    auto arguments = pointers(what.arguments);
    auto environment = pointers(what.environment);
    spawn_settings settings(theirs.get());
    child one;
    const auto failure =
        ::posix_spawn(&one.process, what.program.c_str(), settings.actions(), settings.attributes(), arguments.data(), environment.data());
    if (failure != 0) {
      on_ended_(what.executor, fmt::format("{} could not be started: {}", what.program, std::strerror(failure)));
      return;
    }
    one.watch = std::move(ours);
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
      if (::waitpid(one.process, &status, WNOHANG) == one.process) {
        bury_one(executor, one, describe_exit(status));
      } else {
        ::kill(one.process, SIGKILL);
        one.killed = true;
      }
    }
  }

  void bury_one(std::uint32_t executor, child& one, const std::string& reason) {
    {
      const std::lock_guard lock(mutex_);
      processes_.erase(executor);
    }
    one.process = 0;
    on_ended_(executor, reason);
  }

  void bury() {
    for (auto& [executor, one] : children_) {
      if (one.process == 0)
        continue;
      int status = 0;
      const auto got = ::waitpid(one.process, &status, WNOHANG);
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
void launcher::stop(std::chrono::milliseconds grace) {
  impl_->stop(grace);
}
std::int64_t launcher::process_of(std::uint32_t executor) const {
  return impl_->process_of(executor);
}

} // namespace salamander::actors
