#include "harness/program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace chaos {
namespace {

[[noreturn]] void fail(const char* what, int why) {
  throw std::system_error(why, std::generic_category(), what);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const auto& text : texts)
    all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

/// Appends what is there; never waits.
void read_all(int from, std::string& to) {
  char piece[16384];
  for (;;) {
    const auto got = ::read(from, piece, sizeof piece);
    if (got > 0)
      to.append(piece, static_cast<std::size_t>(got));
    else if (got == 0 || errno != EINTR)
      return;
  }
}

std::vector<std::string> take_lines(std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  text.erase(0, begin);
  return lines;
}

} // namespace

program::program(const std::filesystem::path& binary, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment, const std::filesystem::path& errors) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
    fail("cannot make a pipe", errno);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1); // the proxy's sockets
  // The harness ignores the signal of broken pipes; what it starts must not inherit that.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t usual;
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  auto argv = arguments;
  argv.insert(argv.begin(), binary.string());
  pid_t process = 0;
  const int failure = ::posix_spawn(&process, binary.c_str(), &actions, &attributes, pointers(argv).data(), pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
  if (failure != 0)
    fail(("cannot start " + binary.string()).c_str(), failure);
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
  ::fcntl(input_, F_SETFL, O_NONBLOCK);
  handle_ = process_handle(process);
  errors_ = ::open(errors.c_str(), O_RDONLY | O_CLOEXEC);
}

program::~program() {
  if (!ended()) {
    handle_.send(SIGKILL);
    ::waitpid(handle_.id(), nullptr, 0);
  }
  finish();
  ::close(output_);
  if (errors_ >= 0)
    ::close(errors_);
}

void program::ask(const job_request& request) {
  const auto line = to_line(request) + "\n";
  // Shorter than a pipe holds, and the program had read all before. If it is dead, that is noticed elsewhere.
  static_cast<void>(!::write(input_, line.data(), line.size()));
}

void program::finish() {
  if (input_ >= 0)
    ::close(input_);
  input_ = -1;
}

std::vector<program_event> program::events(std::vector<std::string>& strange) {
  read_all(output_, unread_output_);
  std::vector<program_event> all;
  for (const auto& line : take_lines(unread_output_)) {
    if (auto event = read_event(line))
      all.push_back(std::move(*event));
    else
      strange.push_back(line);
  }
  return all;
}

std::vector<std::string> program::error_lines() {
  if (errors_ >= 0)
    read_all(errors_, unread_errors_);
  return take_lines(unread_errors_);
}

std::optional<int> program::ended() {
  int status = 0;
  if (!status_ && ::waitpid(handle_.id(), &status, WNOHANG) == handle_.id())
    status_ = status;
  return status_;
}

std::string describe_status(int status) {
  if (WIFSIGNALED(status))
    return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace chaos
