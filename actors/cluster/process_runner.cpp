#include <salamander/actors/cluster/process_runner.hpp>

#include <salamander/actors/launcher.hpp>
#include <salamander/actors/quiet_threads.hpp>

#include <fmt/format.h>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;
using scheduler::cluster::process_key;

/// Where the kernel has no process descriptors, this often is looked whether a process has ended.
constexpr std::chrono::milliseconds look{100};
constexpr std::chrono::seconds idle{1};
/// Of one stream at a time, so that one that prints without end does not hold up the others.
constexpr std::size_t read_at_once_max = 256U << 10;
/// Of a dead process: its pipe holds no more, and a child of its that escaped may print for ever.
constexpr std::size_t read_at_end_max = 4U << 20;

struct stream {
  descriptor pipe;
  log_writer log;

  /// At most so many bytes.
  void drain(std::size_t bytes_max) {
    std::array<char, 64U << 10> buffer;
    for (std::size_t total = 0; pipe.get() >= 0 && total < bytes_max;) {
      const auto got = ::read(pipe.get(), buffer.data(), buffer.size());
      if (got > 0) {
        log.write({buffer.data(), static_cast<std::size_t>(got)});
        total += static_cast<std::size_t>(got);
        continue;
      }
      if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
      pipe.close(); // its end
    }
  }
};

struct child {
  pid_t process = 0;
  descriptor handle; ///< readable when it has ended; -1: the kernel has none
  descriptor watch;
  stream output;
  stream errors;
  std::optional<clock::time_point> kill_at;
};

} // namespace

class process_runner::impl {
public:
  impl(runner_events events, log_limits logs) : events_(std::move(events)), logs_(logs), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const quiet_threads takes_no_signals;
    // Processes die with the thread that made them, so it must be one that stays.
    thread_ = std::thread([this] { run(); });
  }
  ~impl() {
    order([this] {
      stopping_ = true;
      for (auto& [key, one] : children_)
        one.kill_at = clock::now();
    });
    thread_.join();
  }

  void order(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      orders_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  }

  void spawn(run_order& what) {
    if (stopping_ || children_.contains(what.process))
      return events_.ended({what.process, false, 0, stopping_ ? "the worker ends" : "it runs already"});
    const auto program = what.what.program;
    auto [started, failure] = start_contained(std::move(what.what));
    if (failure != 0)
      return events_.ended({what.process, false, 0, fmt::format("{} could not be started: {}", program, std::strerror(failure))});
    const auto process = started.process;
    children_.emplace(what.process, child{process,
                                          descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0U))),
                                          std::move(started.watch),
                                          {std::move(started.output), {what.logs, "stdout", logs_, events_.trouble}},
                                          {std::move(started.errors), {what.logs, "stderr", logs_, events_.trouble}},
                                          std::nullopt});
    events_.started(what.process, process);
  }

  void end(const process_key& process, std::chrono::milliseconds grace) {
    const auto at = children_.find(process);
    if (at == children_.end())
      return;
    auto& one = at->second;
    if (!one.kill_at && grace.count() > 0)
      ::kill(one.process, SIGTERM); // not buried yet, so the number is its own
    one.kill_at = std::min(one.kill_at.value_or(clock::time_point::max()), clock::now() + grace);
  }

private:
  void run() {
    while (!stopping_ || !children_.empty()) {
      wait();
      take_orders();
      for (auto& [key, one] : children_) {
        one.output.drain(read_at_once_max);
        one.errors.drain(read_at_once_max);
        if (one.kill_at && *one.kill_at <= clock::now())
          ::kill(-one.process, SIGKILL);
      }
      bury();
    }
  }

  void wait() {
    std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
    auto timeout = std::chrono::milliseconds(idle);
    for (const auto& [key, one] : children_) {
      for (const int file : {one.output.pipe.get(), one.errors.pipe.get(), one.handle.get()})
        if (file >= 0)
          watched.push_back({file, POLLIN, 0});
      if (one.handle.get() < 0)
        timeout = std::min(timeout, look);
      if (one.kill_at)
        timeout =
            std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*one.kill_at - clock::now()), std::chrono::milliseconds(1), timeout);
    }
    ::poll(watched.data(), watched.size(), static_cast<int>(timeout.count()));
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_.get(), &count, sizeof count));
  }

  void take_orders() {
    std::vector<std::function<void()>> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
    }
    for (auto& one : orders)
      one();
  }

  void bury() {
    for (auto at = children_.begin(); at != children_.end();) {
      auto& one = at->second;
      siginfo_t ended{};
      if (::waitid(P_PID, static_cast<id_t>(one.process), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) {
        ++at;
        continue;
      }
      ::kill(-one.process, SIGKILL); // what it has left behind; the number is its own until the next line
      int status = 0;
      ::waitpid(one.process, &status, 0);
      one.output.drain(read_at_end_max);
      one.errors.drain(read_at_end_max);
      const run_end end{at->first, true, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), describe_exit(status)};
      at = children_.erase(at);
      events_.ended(end);
    }
  }

  const runner_events events_;
  const log_limits logs_;
  const descriptor wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> orders_;
  std::map<process_key, child> children_; ///< the thread's own
  bool stopping_ = false;                 ///< the thread's own
  std::thread thread_;
};

process_runner::process_runner(runner_events events, log_limits logs) : impl_(std::make_unique<impl>(std::move(events), logs)) {}
process_runner::~process_runner() = default;

void process_runner::start(run_order order) {
  impl_->order([this, order = std::move(order)]() mutable { impl_->spawn(order); });
}

void process_runner::kill(const process_key& process, std::chrono::milliseconds grace) {
  impl_->order([this, process, grace] { impl_->end(process, grace); });
}

} // namespace salamander::actors
