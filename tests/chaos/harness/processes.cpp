#include "harness/processes.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
extern "C" { // which the header of glibc 2.36 does not say itself
#include <sys/pidfd.h>
}
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

namespace chaos {
namespace {

namespace fs = std::filesystem;

/// What can be read: a process may end in the middle of it.
std::string read_file(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char piece[4096];
  for (ssize_t got = 0; file >= 0 && (got = ::read(file, piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(got));
  if (file >= 0)
    ::close(file);
  return text;
}

std::string proc(pid_t process, const char* what) {
  return "/proc/" + std::to_string(process) + "/" + what;
}

std::optional<process> look_at(pid_t id) {
  const auto text = read_file(proc(id, "stat"));
  const auto open = text.find('(');
  const auto close = text.rfind(')'); // the name may hold anything
  if (open == std::string::npos || close == std::string::npos)
    return std::nullopt;
  process found;
  found.id = id;
  found.name = text.substr(open + 1, close - open - 1);
  // Fields 3, 4, 22, 23 and 24 of proc(5).
  std::istringstream rest(text.substr(close + 1));
  std::string skipped;
  rest >> found.state >> found.parent;
  for (int field = 5; field < 22; ++field)
    rest >> skipped;
  std::uint64_t pages = 0;
  rest >> found.started >> found.virtual_bytes >> pages;
  found.resident_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return found;
}

std::vector<process> all_processes() {
  std::vector<process> all;
  std::error_code ignored;
  for (fs::directory_iterator at("/proc", ignored), end; !ignored && at != end; at.increment(ignored)) {
    const auto name = at->path().filename().string();
    pid_t id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ptr != name.data() + name.size())
      continue;
    if (auto found = look_at(id))
      all.push_back(std::move(*found));
  }
  return all;
}

} // namespace

std::vector<process> descendants() {
  const auto all = all_processes();
  std::multimap<pid_t, const process*> children;
  for (const auto& one : all)
    children.emplace(one.parent, &one);
  std::vector<process> found;
  std::vector<pid_t> parents{::getpid()};
  while (!parents.empty()) {
    const auto parent = parents.back();
    parents.pop_back();
    for (auto [at, end] = children.equal_range(parent); at != end; ++at) {
      found.push_back(*at->second);
      parents.push_back(at->second->id);
    }
  }
  return found;
}

void adopt_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    throw std::system_error(errno, std::generic_category(), "PR_SET_CHILD_SUBREAPER");
}

void bury_orphans(pid_t except) {
  for (const auto& one : descendants())
    if (one.parent == ::getpid() && one.state == 'Z' && one.id != except)
      ::waitpid(one.id, nullptr, WNOHANG);
}

std::optional<std::string> environment_of(pid_t process, const std::string& name) {
  const auto all = read_file(proc(process, "environ"));
  const auto wanted = name + "=";
  for (std::size_t at = 0; at < all.size();) {
    const std::string entry(all.c_str() + at);
    if (entry.starts_with(wanted))
      return entry.substr(wanted.size());
    at += entry.size() + 1;
  }
  return std::nullopt;
}

std::uint64_t data_bytes_of(pid_t process) {
  const auto text = read_file(proc(process, "status"));
  const auto at = text.find("VmData:");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + 7, nullptr, 10) << 10;
}

std::size_t descriptors_of(pid_t process) {
  std::error_code gone;
  std::size_t count = 0;
  for (fs::directory_iterator at(proc(process, "fd"), gone), end; !gone && at != end; at.increment(gone))
    ++count;
  return count;
}

std::map<pid_t, processor_time> processor_times_of(pid_t process) {
  std::map<pid_t, processor_time> found;
  std::error_code gone;
  for (fs::directory_iterator at(proc(process, "task"), gone), end; !gone && at != end; at.increment(gone)) {
    long long ran = 0;
    long long waited = 0;
    if (std::sscanf(read_file(at->path() / "schedstat").c_str(), "%lld %lld", &ran, &waited) == 2)
      found[std::atoi(at->path().filename().c_str())] = {std::chrono::nanoseconds(ran), std::chrono::nanoseconds(waited)};
  }
  return found;
}

std::uint16_t listening_port_of(pid_t process) {
  std::set<std::string> inodes;
  std::error_code gone;
  for (fs::directory_iterator at(proc(process, "fd"), gone), end; !gone && at != end; at.increment(gone)) {
    std::error_code closed;
    const auto target = fs::read_symlink(at->path(), closed).string();
    if (target.starts_with("socket:["))
      inodes.insert(target.substr(8, target.size() - 9));
  }
  std::istringstream table(read_file(proc(process, "net/tcp")));
  for (std::string line; std::getline(table, line);) {
    unsigned address = 0;
    unsigned port = 0;
    unsigned state = 0;
    char inode[32] = "";
    constexpr unsigned listening = 0x0a;
    if (std::sscanf(line.c_str(), " %*d: %x:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %*d %*d %31s", &address, &port, &state, inode) == 4 &&
        state == listening && address == htonl(INADDR_LOOPBACK) && inodes.contains(inode))
      return static_cast<std::uint16_t>(port);
  }
  return 0;
}

process_handle::process_handle(pid_t process) : id_(process), descriptor_(::pidfd_open(process, 0)) {}

process_handle::process_handle(process_handle&& other) noexcept
    : id_(std::exchange(other.id_, 0)), descriptor_(std::exchange(other.descriptor_, -1)) {}

process_handle& process_handle::operator=(process_handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

process_handle::~process_handle() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

bool process_handle::send(int signal) const {
  return descriptor_ >= 0 && ::pidfd_send_signal(descriptor_, signal, nullptr, 0) == 0;
}

bool process_handle::limit(int resource, std::uint64_t value) const {
  // Between the question and the limit the process may die, but its number is not given away before it is buried.
  rlimit now{};
  if (!send(0) || ::prlimit(id_, static_cast<__rlimit_resource>(resource), nullptr, &now) != 0)
    return false;
  now.rlim_cur = std::min<std::uint64_t>(value, now.rlim_max);
  return ::prlimit(id_, static_cast<__rlimit_resource>(resource), &now, nullptr) == 0;
}

} // namespace chaos
