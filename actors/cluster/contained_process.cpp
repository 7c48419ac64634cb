#include <salamander/actors/cluster/contained_process.hpp>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace salamander::actors {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

struct ends {
  descriptor ours;
  descriptor theirs;
  bool good() const noexcept {
    return ours.get() >= 0 && theirs.get() >= 0;
  }
};

ends make_watch() {
  std::array<int, 2> both{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()) != 0)
    return {descriptor(), descriptor()};
  return {descriptor(both[0]), moved_up(both[1])};
}

/// What the child needs, made before there is one: between fork and exec nothing may allocate.
struct preparation {
  const char* program;
  const char* directory;
  char* const* arguments;
  char* const* environment;
  pid_t parent;
  int input;
  int output;
  int errors;
  int watch;
  int failure;
};

[[noreturn]] void fail(const preparation& what) {
  const int code = errno;
  static_cast<void>(!::write(what.failure, &code, sizeof code));
  ::_exit(127);
}

void close_others_at_exec() {
  if (::syscall(SYS_close_range, parent_watch_descriptor + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
    return;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  for (int i = parent_watch_descriptor + 1; i < static_cast<int>(files.rlim_cur); ++i)
    ::fcntl(i, F_SETFD, FD_CLOEXEC);
}

/// Only calls that are safe in a child of a process with threads.
[[noreturn]] void become(const preparation& what) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != what.parent)
    ::_exit(127); // it went before the line above
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::umask(077);
  const rlimit none{0, 0}; // a core would hold keys
  ::setrlimit(RLIMIT_CORE, &none);
  for (int one = 1; one < NSIG; ++one)
    ::signal(one, SIG_DFL);
  sigset_t empty;
  ::sigemptyset(&empty);
  if (::dup2(what.input, STDIN_FILENO) < 0 || ::dup2(what.output, STDOUT_FILENO) < 0 || ::dup2(what.errors, STDERR_FILENO) < 0 ||
      ::dup2(what.watch, parent_watch_descriptor) < 0 || ::chdir(what.directory) != 0)
    fail(what);
  close_others_at_exec();
  ::sigprocmask(SIG_SETMASK, &empty, nullptr);
  ::execve(what.program, what.arguments, what.environment);
  fail(what);
}

/// No handler of this program runs in the child.
class signals_blocked {
public:
  signals_blocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

private:
  sigset_t before_{};
};

/// The errno of an exec that failed; 0: it did not.
int exec_failure(const descriptor& failure) {
  int code = 0;
  for (;;) {
    const auto got = ::read(failure.get(), &code, sizeof code);
    if (got < 0 && errno == EINTR)
      continue;
    return got == static_cast<ssize_t>(sizeof code) ? code : 0;
  }
}

} // namespace

std::pair<contained_child, int> start_contained(contained_order order) {
  auto output = make_output_pipe();
  auto errors = make_output_pipe();
  auto watch = make_watch();
  auto failure = make_output_pipe();
  const auto input = moved_up(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!output.good() || !errors.good() || !watch.good() || !failure.good() || input.get() < 0)
    return {contained_child(), errno};
  ::fcntl(failure.ours.get(), F_SETFL, 0); // waited for
  auto arguments = pointers(order.arguments);
  auto environment = pointers(order.environment);
  const preparation what{order.program.c_str(), order.directory.c_str(), arguments.data(),    environment.data(), ::getpid(),
                         input.get(),           output.theirs.get(),     errors.theirs.get(), watch.theirs.get(), failure.theirs.get()};
  contained_child child;
  {
    const signals_blocked quiet;
    child.process = ::_Fork();
    if (child.process == 0)
      become(what);
  }
  if (child.process < 0)
    return {contained_child(), errno};
  failure.theirs.close();
  if (const int code = exec_failure(failure.ours); code != 0) {
    ::waitpid(child.process, nullptr, 0);
    return {contained_child(), code};
  }
  child.watch = std::move(watch.ours);
  child.output = std::move(output.ours);
  child.errors = std::move(errors.ours);
  return {std::move(child), 0};
}

} // namespace salamander::actors
