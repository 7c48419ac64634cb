#include "harness/stacks.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace chaos {
namespace {

constexpr int patience_ms = 30000;

/// False, and killed, if it takes too long.
bool ends_in_time(pid_t process) {
  int status = 0;
  for (int waited = 0; waited < patience_ms; waited += 50) {
    if (::waitpid(process, &status, WNOHANG) == process)
      return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ::usleep(50000);
  }
  ::kill(process, SIGKILL);
  ::waitpid(process, &status, 0);
  return false;
}

} // namespace

bool write_stacks(pid_t process, const std::filesystem::path& to) {
  std::string number = std::to_string(process);
  std::string words[] = {"gdb", "-nx", "-batch", "-p", number, "-ex", "thread apply all backtrace 40"};
  char* arguments[std::size(words) + 1] = {};
  for (std::size_t i = 0; i < std::size(words); ++i)
    arguments[i] = words[i].data();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, to.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  pid_t debugger = 0;
  const bool started = ::posix_spawnp(&debugger, "gdb", &actions, nullptr, arguments, ::environ) == 0;
  ::posix_spawn_file_actions_destroy(&actions);
  return started && ends_in_time(debugger);
}

} // namespace chaos
