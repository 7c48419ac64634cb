#include <salamander/actors/child_process.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// posix_spawn's two objects, initialised and destroyed together.
class spawn_settings {
public:
  spawn_settings(int watch, const child_order& order) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (order.output >= 0)
      ::posix_spawn_file_actions_adddup2(&actions_, order.output, STDOUT_FILENO);
    if (order.errors >= 0)
      ::posix_spawn_file_actions_adddup2(&actions_, order.errors, STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, watch, parent_watch_descriptor);
    if (!order.directory.empty())
      ::posix_spawn_file_actions_addchdir_np(&actions_, order.directory.c_str());
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, parent_watch_descriptor + 1);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, order.signals_blocked ? &all : &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    const int session = order.own_session ? POSIX_SPAWN_SETSID : 0;
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session));
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

descriptor::~descriptor() {
  if (value_ >= 0)
    ::close(value_);
}

descriptor moved_up(int value) {
  const descriptor low(value);
  return descriptor(::fcntl(low.get(), F_DUPFD_CLOEXEC, 10));
}

output_pipe make_output_pipe() {
  // Room for output while its reader is busy; less if the system does not allow it.
  constexpr int pipe_bytes = 1 << 20;
  int both[2] = {-1, -1};
  if (::pipe2(both, O_CLOEXEC) != 0)
    return {descriptor(), descriptor()};
  output_pipe made{descriptor(both[0]), moved_up(both[1])};
  ::fcntl(both[0], F_SETFL, O_NONBLOCK);
  ::fcntl(both[0], F_SETPIPE_SZ, pipe_bytes);
  return made;
}

std::pair<started_child, int> start_child(child_order order) {
  started_child child;
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return {std::move(child), errno};
  descriptor ours(pair[0]);
  const auto theirs = moved_up(pair[1]);
  if (theirs.get() < 0)
    return {std::move(child), errno};
  if (!order.watch_variable.empty()) {
    struct stat there {};
    ::fstat(theirs.get(), &there);
    order.environment.push_back(order.watch_variable + '=' + std::to_string(parent_watch_descriptor) + ':' + std::to_string(there.st_ino));
  }
  auto arguments = pointers(order.arguments);
  auto environment = pointers(order.environment);
  spawn_settings settings(theirs.get(), order);
  const int failure =
      ::posix_spawn(&child.process, order.program.c_str(), settings.actions(), settings.attributes(), arguments.data(), environment.data());
  if (failure != 0)
    child.process = 0;
  else
    child.watch = std::move(ours);
  return {std::move(child), failure};
}

} // namespace salamander::actors
