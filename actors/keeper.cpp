#include <salamander/actors/keeper.hpp>

#include <salamander/actors/application_directory.hpp>
#include <salamander/actors/executor_spec.hpp>
#include <salamander/actors/log.hpp>

#include <fmt/format.h>

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr char done = 'd';
constexpr std::chrono::seconds end_wait_max{1};
constexpr std::chrono::seconds clean_up_max{10};
constexpr std::chrono::milliseconds clean_up_pause{10};
/// Where the kernel has no process descriptors, this often is looked whether the driver is still the parent.
constexpr std::chrono::milliseconds parent_look{250};

descriptor open_process(pid_t process) {
  return descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0U)));
}

/// The environment entry that an executor of this directory was started with, up to its number.
std::string entry_of(const fs::path& directory) {
  return fmt::format("{}={}/", spec_variable, directory.string());
}

bool started_with(pid_t process, const std::string& entry) {
  std::ifstream file(fmt::format("/proc/{}/environ", process), std::ios::binary);
  for (std::string one; std::getline(file, one, '\0');)
    if (one.starts_with(entry))
      return true;
  return false;
}

std::vector<pid_t> find_executors(const std::string& entry) {
  std::vector<pid_t> found;
  std::error_code failed;
  if (fs::read_symlink("/proc/self", failed) != std::to_string(::getpid()))
    return found; // the numbers there are another container's
  for (fs::directory_iterator at("/proc", failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    pid_t process = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), process);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size() && process != ::getpid() && started_with(process, entry))
      found.push_back(process);
  }
  return found;
}

/// Kills a process if it is, once it cannot be mistaken for another any more, still an executor of this directory.
void kill_executor(pid_t process, const std::string& entry) {
  const auto held = open_process(process);
  if (!started_with(process, entry))
    return; // the number is somebody else's by now
  if (held.get() >= 0)
    static_cast<void>(::syscall(SYS_pidfd_send_signal, held.get(), SIGKILL, nullptr, 0U));
  else
    ::kill(process, SIGKILL);
}

/// True: the driver is gone. False: it has cleaned up itself.
bool wait_for_driver(pid_t driver) {
  const auto watched = open_process(driver);
  for (;;) {
    if (::getppid() != driver)
      return true;
    pollfd events[2] = {{parent_watch_descriptor, POLLIN, 0}, {watched.get(), POLLIN, 0}};
    if (::poll(events, 2, watched.get() >= 0 ? -1 : static_cast<int>(parent_look.count())) < 0)
      continue;
    char word = 0;
    if (events[0].revents != 0)
      return ::read(parent_watch_descriptor, &word, 1) != 1 || word != done;
    if (events[1].revents != 0)
      return true;
  }
}

void clean_up(const fs::path& directory) {
  const auto entry = entry_of(directory);
  // An executor that was being started when the driver died may show up later, and files while an executor lives.
  for (const auto deadline = clock::now() + clean_up_max; clock::now() < deadline; std::this_thread::sleep_for(clean_up_pause)) {
    const auto left = find_executors(entry);
    for (const auto process : left)
      kill_executor(process, entry);
    std::error_code failed;
    fs::remove_all(directory, failed);
    if (left.empty() && !fs::exists(fs::symlink_status(directory, failed)))
      return;
  }
  log(log_level::error, fmt::format("{} could not be removed after the death of its driver", directory.string()));
}

/// What reaches the driver's terminal or session is not meant for us: we end when the driver does.
void ignore_signals() {
  for (const int one : {SIGINT, SIGHUP, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2})
    ::signal(one, SIG_IGN);
  sigset_t all; // as it was started: those that came first are ignored now
  ::sigfillset(&all);
  ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
}

} // namespace

std::vector<pid_t> executors_of(const fs::path& directory) {
  return find_executors(entry_of(directory));
}

keeper::keeper(const fs::path& directory) {
  child_order order{"/proc/self/exe", {"salamander-keeper", std::to_string(::getpid())}, {}, true, true};
  for (char** one = ::environ; *one; ++one)
    order.environment.emplace_back(*one);
  order.environment.push_back(fmt::format("{}={} {}", keeper_variable, ::getpid(), directory.string()));
  int failure = 0;
  std::tie(child_, failure) = start_child(std::move(order));
  if (failure != 0)
    log(log_level::warn,
        fmt::format("nobody will clean up if this process is killed: its keeper could not be started: {}", std::strerror(failure)));
}

keeper::~keeper() {
  end();
}

void keeper::end() noexcept {
  const auto process = std::exchange(child_.process, 0);
  if (process == 0)
    return;
  static_cast<void>(::send(child_.watch.get(), &done, 1, MSG_NOSIGNAL));
  for (const auto deadline = clock::now() + end_wait_max; ::waitpid(process, nullptr, WNOHANG) == 0;) {
    if (clock::now() >= deadline) {
      ::kill(process, SIGKILL);
      ::waitpid(process, nullptr, 0);
      break;
    }
    pollfd ended{child_.watch.get(), POLLIN, 0};
    ::poll(&ended, 1, 1);
  }
  child_.watch.close();
}

void run_as_keeper(const std::string& orders) {
  ignore_signals();
  ::prctl(PR_SET_NAME, "sal-keeper");
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  pid_t driver = 0;
  const auto parsed = std::from_chars(orders.data(), orders.data() + orders.size(), driver);
  const auto space = static_cast<std::size_t>(parsed.ptr - orders.data());
  const fs::path directory = space < orders.size() ? orders.substr(space + 1) : "";
  if (parsed.ec != std::errc() || !is_application_directory_name(directory)) {
    log(log_level::error, fmt::format("{} holds no orders for a keeper", keeper_variable));
    ::_exit(2);
  }
  set_log_name("keeper");
  static_cast<void>(!::chdir("/"));
  if (wait_for_driver(driver))
    clean_up(directory);
  ::_exit(0);
}

} // namespace salamander::actors
