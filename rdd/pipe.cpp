#include <salamander/rdd/pipe.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace salamander::core {
namespace {

namespace fs = std::filesystem;

constexpr int wait_milliseconds = 50; ///< so soon a cancelled task is noticed
constexpr std::size_t read_bytes = 64U << 10;

std::string command_line(const pipe_order& order) {
  std::string line;
  for (const auto& word : order.command)
    line += (line.empty() ? "" : " ") + word;
  return line;
}

[[noreturn]] void fail(const pipe_order& order, const std::string& what) {
  throw std::runtime_error(what + ". Command ran: " + command_line(order));
}

void close_end(int& descriptor) noexcept {
  if (descriptor >= 0)
    ::close(descriptor);
  descriptor = -1;
}

/// A program that does not read to the end must not end this process.
class without_pipe_signal {
public:
  without_pipe_signal() noexcept {
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  without_pipe_signal(const without_pipe_signal&) = delete;
  without_pipe_signal& operator=(const without_pipe_signal&) = delete;
  ~without_pipe_signal() {
    const timespec now{0, 0};
    while (::sigtimedwait(&signal_, nullptr, &now) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

private:
  sigset_t signal_;
  sigset_t before_;
};

/// What the program sees of this process's environment: all but what is ours alone.
std::vector<std::string> environment_of(const pipe_order& order) {
  std::vector<std::string> all;
  for (char** one = ::environ; *one != nullptr; ++one) {
    const std::string_view entry(*one);
    const auto name = std::string(entry.substr(0, entry.find('=')));
    if (!name.starts_with("SALAMANDER_") && order.environment.count(name) == 0)
      all.emplace_back(entry);
  }
  for (const auto& [name, value] : order.environment)
    all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& one : texts)
    all.push_back(one.data());
  all.push_back(nullptr);
  return all;
}

class spawn_settings {
public:
  spawn_settings(int input, int output, const std::string& directory) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    if (!directory.empty())
      ::posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0); // what it starts is killed with it
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;
  ~spawn_settings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

} // namespace

std::vector<std::string> words_of_command(const std::string& command) {
  std::vector<std::string> all;
  for (std::size_t at = 0; (at = command.find_first_not_of(" \t\n", at)) != std::string::npos;) {
    const auto end = std::min(command.find_first_of(" \t\n", at), command.size());
    all.push_back(command.substr(at, end - at));
    at = end;
  }
  return all;
}

pipe_order checked_order(std::vector<std::string> command, const pipe_options& options, const source_location& where) {
  const auto place = "pipe at " + call_site::from(where).text();
  if (command.empty() || command.front().empty())
    throw_error(errc::invalid_argument, place + ": the command is empty");
  for (const auto& [name, value] : options.environment)
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos ||
        value.find('\0') != std::string::npos)
      throw_error(errc::invalid_argument, place + ": \"" + name + "\" cannot be set in an environment");
  return {std::move(command), options.environment, options.separate_working_directory};
}

piped_process::piped_process(const pipe_order& order) : order_(order) {
  int to[2] = {-1, -1};
  int from[2] = {-1, -1};
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) {
    const int reason = errno;
    for (auto* one : {&to[0], &to[1], &from[0], &from[1]})
      close_end(*one);
    fail(order, std::string("Cannot make a pipe: ") + std::strerror(reason));
  }
  // Away from the numbers that the standard streams have in the program.
  for (auto* one : {&to[0], &from[1]}) {
    const int moved = ::fcntl(*one, F_DUPFD_CLOEXEC, 10);
    close_end(*one);
    *one = moved;
  }
  input_ = to[1];
  output_ = from[0];
  if (order.separate_working_directory) {
    auto name = (fs::temp_directory_path() / "salamander-pipe-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr)
      directory_ = name;
  }
  auto command = order.command;
  auto environment = environment_of(order);
  spawn_settings settings(to[0], from[1], directory_);
  const bool prepared = !order.separate_working_directory || !directory_.empty();
  const int failure = !prepared ? errno
                                : ::posix_spawnp(&process_, command.front().c_str(), &settings.actions_, &settings.attributes_,
                                                 pointers(command).data(), pointers(environment).data());
  close_end(to[0]);
  close_end(from[1]);
  if (failure != 0) {
    process_ = 0;
    finish();
    fail(order, "Cannot run program \"" + order.command.front() + "\": " + std::strerror(failure));
  }
  ::fcntl(input_, F_SETFL, O_NONBLOCK);
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
}

piped_process::~piped_process() {
  if (process_ != 0) {
    ::kill(-process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  finish();
}

void piped_process::finish() {
  close_end(input_);
  close_end(output_);
  std::error_code ignored;
  if (!directory_.empty())
    fs::remove_all(directory_, ignored);
  directory_.clear();
}

void piped_process::end_input() noexcept {
  input_over_ = true;
}

void piped_process::write_some() {
  if (sent_ < unsent_.size()) {
    ssize_t written = 0;
    int reason = 0;
    {
      const without_pipe_signal guard;
      written = ::write(input_, unsent_.data() + sent_, unsent_.size() - sent_);
      reason = errno;
    }
    if (written > 0)
      sent_ += static_cast<std::size_t>(written);
    else if (written < 0 && reason == EPIPE)
      close_end(input_); // it has read enough; its exit status says whether that was meant
    else if (written < 0 && reason != EAGAIN && reason != EINTR)
      fail(order_, std::string("Cannot write to the subprocess: ") + std::strerror(reason));
  }
  if (sent_ >= wanted_bytes || sent_ == unsent_.size()) {
    unsent_.erase(0, sent_);
    sent_ = 0;
  }
  if (unsent_.empty()) {
    if (input_over_)
      close_end(input_);
  }
}

bool piped_process::read_some(std::vector<std::string>& lines) {
  char bytes[read_bytes];
  const auto count = ::read(output_, bytes, sizeof bytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return true;
  if (count < 0)
    fail(order_, std::string("Cannot read from the subprocess: ") + std::strerror(errno));
  std::string_view text(bytes, static_cast<std::size_t>(count));
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    lines.push_back(std::move(unfinished_));
    lines.back() += text.substr(0, end);
    unfinished_.clear();
  }
  unfinished_ += text;
  if (count == 0 && !unfinished_.empty())
    lines.push_back(std::move(unfinished_));
  return count != 0;
}

bool piped_process::exchange(std::vector<std::string>& lines) {
  if (output_ < 0)
    return !ended();
  pollfd ends[2] = {{output_, POLLIN, 0}, {input_, POLLOUT, 0}};
  const bool writes = input_ >= 0 && (sent_ < unsent_.size() || input_over_);
  ::poll(ends, writes ? 2 : 1, wait_milliseconds);
  if (writes && ends[1].revents != 0)
    write_some();
  if (ends[0].revents == 0 || read_some(lines))
    return true;
  close_end(output_);
  close_end(input_);
  return !ended();
}

/// Its output is over, so it is about to end; if it only closed it, it is waited for, a moment at a time.
bool piped_process::ended() {
  int status = 0;
  for (int waited = 0; ::waitpid(process_, &status, WNOHANG) == 0; ++waited) {
    if (waited == wait_milliseconds)
      return false;
    ::poll(nullptr, 0, 1);
  }
  process_ = 0;
  finish();
  if (WIFSIGNALED(status))
    fail(order_, "Subprocess was ended by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    fail(order_, "Subprocess exited with status " + std::to_string(WEXITSTATUS(status)));
  return true;
}

} // namespace salamander::core
