#include <salamander/actors/launch/launched_child.hpp>

#include <salamander/actors/child_process.hpp>
#include <salamander/actors/launch/launch_board.hpp>
#include <salamander/actors/launch/launch_words.hpp>
#include <salamander/actors/launcher.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

/// Where the kernel has no process descriptors, this often is looked whether the process has ended.
constexpr std::chrono::milliseconds look{100};
constexpr std::chrono::seconds idle{60};
/// Of one stream at a time, so that one that prints without end does not hold up the other.
constexpr std::size_t read_at_once_max = 256U << 10;
/// Of a dead process: its pipe holds no more, and a child of its may print for ever.
constexpr std::size_t read_at_end_max = 4U << 20;

/// One of the process's standard streams.
struct stream {
  descriptor pipe; ///< -1: not read here, or at its end
  std::mutex mutex;
  text_tail tail;

  explicit stream(std::size_t bytes_max) : tail(bytes_max) {}

  void drain(std::size_t bytes_max) {
    std::array<char, 64U << 10> buffer;
    for (std::size_t total = 0; pipe.get() >= 0 && total < bytes_max;) {
      const auto got = ::read(pipe.get(), buffer.data(), buffer.size());
      if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
      if (got <= 0)
        return pipe.close();
      total += static_cast<std::size_t>(got);
      const std::lock_guard lock(mutex);
      tail.add({buffer.data(), static_cast<std::size_t>(got)});
    }
  }
  std::string text() {
    const std::lock_guard lock(mutex);
    return tail.text();
  }
};

/// Sees to the process until it is dead and buried.
class child_watcher final : public launch_watcher {
public:
  explicit child_watcher(const core::launch_request& request)
      : output(request.output.bytes_max), errors(request.errors.bytes_max), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void adopt(started_child child) {
    process_ = child.process;
    line_ = std::move(child.watch);
    ::fcntl(line_.get(), F_SETFL, O_NONBLOCK);
    handle_ = descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0U)));
    board.update([](launch_view& view) { view.state = launch_state::waiting; });
  }

  void run() override {
    while (!over_ && !leaving_.load()) {
      wait();
      take_orders();
      read_line();
      output.drain(read_at_once_max);
      errors.drain(read_at_once_max);
      press();
      bury();
    }
  }
  void leave() override {
    leaving_.store(true);
    wake();
  }

  void cancel(std::chrono::milliseconds grace) {
    const auto now = clock::now();
    const std::lock_guard lock(mutex_);
    orders_.push_back([this, now, grace] {
      asked_ = true;
      // Without a context nobody would read the request.
      const bool told = reported_ && ::send(line_.get(), cancel_line.data(), cancel_line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
      const auto ask_at = told ? now + grace / 2 : now;
      ask_at_ = std::min(ask_at_.value_or(ask_at), ask_at);
      kill_at_ = std::min(kill_at_.value_or(now + grace), now + grace);
    });
    wake();
  }
  void kill() {
    const std::lock_guard lock(mutex_);
    orders_.push_back([this] {
      asked_ = true;
      kill_at_ = clock::now();
    });
    wake();
  }

  launch_board board;
  stream output;
  stream errors;

private:
  void wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  }

  void wait() {
    std::array<pollfd, 5> watched{{{wake_.get(), POLLIN, 0},
                                   {line_.get(), POLLIN, 0},
                                   {handle_.get(), POLLIN, 0},
                                   {output.pipe.get(), POLLIN, 0},
                                   {errors.pipe.get(), POLLIN, 0}}};
    auto timeout = std::chrono::milliseconds(handle_.get() < 0 ? look : idle);
    for (const auto& due : {ask_at_, kill_at_})
      if (due)
        timeout = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*due - clock::now()), std::chrono::milliseconds(1), timeout);
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

  void read_line() {
    std::array<char, 4096> buffer;
    for (;;) {
      const auto got = ::recv(line_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR && errno != EWOULDBLOCK))
        line_.close(); // nobody has the other end any more
      if (got <= 0)
        break;
      lines_.add({buffer.data(), static_cast<std::size_t>(got)});
    }
    while (const auto line = lines_.next())
      if (const auto report = decode_report(*line)) {
        reported_ = true;
        board.update([&](launch_view& view) {
          view.state = report->manned ? launch_state::running : launch_state::waiting;
          view.application = report->application;
          view.progress = report->progress;
        });
      }
  }

  void press() {
    const auto now = clock::now();
    if (ask_at_ && *ask_at_ <= now) {
      ask_at_.reset();
      ::kill(process_, SIGTERM); // not buried yet, so the number is its own
    }
    if (kill_at_ && *kill_at_ <= now) {
      kill_at_.reset();
      ask_at_.reset();
      ::kill(-process_, SIGKILL);
    }
  }

  void bury() {
    int status = 0;
    const auto got = ::waitpid(process_, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
      return;
    over_ = true;
    read_line();
    output.drain(read_at_end_max);
    errors.drain(read_at_end_max);
    board.update([&](launch_view& view) {
      view.progress.jobs_active = view.progress.stages_active = view.progress.tasks_active = view.progress.cores = 0;
      if (got < 0) {
        view.state = launch_state::lost;
        view.reason = "ended; its exit status was taken by this program's own wait";
        return;
      }
      const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      view.exit_code = code;
      view.reason = describe_exit(status);
      view.state = code == 0 ? launch_state::finished : asked_ ? launch_state::killed : launch_state::failed;
    });
    output.pipe.close();
    errors.pipe.close();
  }

  const descriptor wake_;
  std::atomic<bool> leaving_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> orders_;
  // The thread's own:
  pid_t process_ = 0;
  descriptor handle_; ///< readable when it has ended; -1: the kernel has none
  descriptor line_;
  line_cutter lines_;
  bool reported_ = false; ///< it has, or had, a context
  bool asked_ = false;    ///< to end
  bool over_ = false;
  std::optional<clock::time_point> ask_at_;
  std::optional<clock::time_point> kill_at_;
};

class launched_child final : public core::launched {
public:
  explicit launched_child(std::shared_ptr<child_watcher> watcher) : watcher_(std::move(watcher)) {}
  ~launched_child() override {
    watcher_->board.deafen();
  }

  launch_state state() const override {
    return watcher_->board.view().state;
  }
  std::string application_id() const override {
    return watcher_->board.view().application;
  }
  std::string driver_id() const override {
    return {};
  }
  std::string reason() const override {
    return watcher_->board.view().reason;
  }
  launch_progress progress() const override {
    return watcher_->board.view().progress;
  }
  std::optional<int> exit_code() const override {
    return watcher_->board.view().exit_code;
  }
  std::string output() override {
    return watcher_->output.text();
  }
  std::string errors() override {
    return watcher_->errors.text();
  }
  launch_state wait() const override {
    return watcher_->board.wait();
  }
  bool wait_for(std::chrono::milliseconds time) const override {
    return watcher_->board.wait_for(time);
  }
  void cancel(std::chrono::milliseconds grace) override {
    if (!is_final(state()))
      watcher_->cancel(std::max(grace, std::chrono::milliseconds(0)));
  }
  void kill() override {
    if (!is_final(state()))
      watcher_->kill();
  }
  void disconnect() override {
    watcher_->board.deafen();
    watcher_->board.update([](launch_view& view) {
      view.state = launch_state::lost;
      view.reason = "disconnected";
    });
  }
  void on_change(listener call) override {
    watcher_->board.listen(std::move(call));
  }

private:
  const std::shared_ptr<child_watcher> watcher_;
};

/// This process's, without what says that it was started itself, and with what the request adds.
std::vector<std::string> environment_for(const core::launch_request& request, const submission& what) {
  auto added = request.environment;
  added.emplace_back("SALAMANDER_CONF", settings_lines(what));
  std::vector<std::string> all;
  for (char** one = ::environ; *one; ++one) {
    const std::string_view entry(*one);
    const auto name = entry.substr(0, entry.find('='));
    const bool of_this_process = name == launch_variable || name == "SALAMANDER_DRIVER_ID" || name.starts_with("SALAMANDER_EXECUTOR_");
    if (!of_this_process && std::ranges::none_of(added, [&](const auto& other) { return other.first == name; }))
      all.emplace_back(entry);
  }
  for (auto at = added.begin(); at != added.end(); ++at)
    if (std::none_of(std::next(at), added.end(), [&](const auto& later) { return later.first == at->first; }))
      all.push_back(at->first + '=' + at->second);
  return all;
}

/// What the child gets, -1: this process's own; `ours` gets what is to be read here.
descriptor open_output(const launch_output& to, descriptor& ours) {
  switch (to.how) {
  case launch_output::kind::inherited:
    return descriptor();
  case launch_output::kind::file: {
    auto file = moved_up(::open(to.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (file.get() < 0)
      core::throw_error(errc::io_error, fmt::format("output cannot be added to {}: {}", to.path, std::strerror(errno)));
    return file;
  }
  case launch_output::kind::captured:
    break;
  }
  auto both = make_output_pipe();
  if (!both.good())
    core::throw_error(errc::io_error, fmt::format("the output of an application cannot be captured: {}", std::strerror(errno)));
  ours = std::move(both.ours);
  return std::move(both.theirs);
}

} // namespace

std::shared_ptr<core::launched> launch_child(const core::launch_request& request, const submission& what) {
  std::error_code failed;
  if (!request.working_directory.empty() && !fs::is_directory(request.working_directory, failed))
    core::throw_error(errc::input_not_found, "the directory to run in, " + request.working_directory + ", is not there");
  auto watcher = std::make_shared<child_watcher>(request);
  const auto output = open_output(request.output, watcher->output.pipe);
  const auto errors = open_output(request.errors, watcher->errors.pipe);
  child_order order;
  order.program = fs::absolute(what.program).string();
  order.arguments = what.arguments;
  order.arguments.insert(order.arguments.begin(), what.program);
  order.environment = environment_for(request, what);
  order.own_session = true;
  order.directory = request.working_directory;
  order.output = output.get();
  order.errors = errors.get();
  order.watch_variable = launch_variable;
  auto [child, failure] = start_child(std::move(order));
  if (failure != 0)
    core::throw_error(errc::invalid_argument, fmt::format("the program {} cannot be started: {}", what.program, std::strerror(failure)));
  watcher->adopt(std::move(child));
  auto handle = std::make_shared<launched_child>(watcher);
  launch_threads::instance().run(std::move(watcher));
  return handle;
}

} // namespace salamander::actors
