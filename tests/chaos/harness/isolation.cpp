#include "harness/isolation.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <system_error>
#include <vector>

namespace chaos {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void bring_loopback_up() {
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (any < 0 || ::ioctl(any, SIOCGIFFLAGS, &request) != 0)
    fail("cannot look at the loopback interface");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(any, SIOCSIFFLAGS, &request) != 0)
    fail("cannot start the loopback interface");
  ::close(any);
}

pid_t inner_process = 0;

void end_inner(int) {
  ::kill(inner_process, SIGKILL);
}

/// Ends as the process does in which the work is done.
[[noreturn]] void wait_for_inner() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    ::signal(signal, &end_inner);
  int status = 0;
  while (::waitpid(inner_process, &status, 0) < 0 && errno == EINTR)
    ;
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

} // namespace

bool isolate() {
  // Containers often take this right even from root.
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) != 0)
    return false;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    fail("cannot make mounts private");
  bring_loopback_up();
  inner_process = ::fork();
  if (inner_process < 0)
    fail("cannot fork");
  if (inner_process > 0)
    wait_for_inner();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    fail("cannot mount /proc");
  return true;
}

void mount_memory(const std::filesystem::path& at, std::uint64_t bytes) {
  const auto options = "mode=0700,size=" + std::to_string(bytes);
  if (::mount("tmpfs", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    fail(("cannot mount a file system at " + at.string()).c_str());
}

std::uint64_t fill_up(const std::filesystem::path& filler) {
  const int file = ::open(filler.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0)
    return 0;
  std::uint64_t taken = 0;
  for (std::vector<char> piece(1 << 20, 'x'); !piece.empty();) {
    const auto written = ::write(file, piece.data(), piece.size());
    if (written > 0)
      taken += static_cast<std::uint64_t>(written);
    else
      piece.resize(piece.size() / 2);
  }
  ::close(file);
  return taken;
}

} // namespace chaos
