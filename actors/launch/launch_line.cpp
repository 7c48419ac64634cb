#include <salamander/actors/launch/launch_line.hpp>

#include <salamander/actors/quiet_threads.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace salamander::actors {
namespace {

constexpr int say_every_ms = 500;

/// -1: this process was not launched, or the descriptor is not that socket any more.
int find_line() {
  const char* const said = std::getenv(launch_variable);
  struct stat there {};
  if (!said || ::fstat(parent_watch_descriptor, &there) != 0 || !S_ISSOCK(there.st_mode) ||
      said != std::to_string(parent_watch_descriptor) + ':' + std::to_string(there.st_ino))
    return -1;
  ::fcntl(parent_watch_descriptor, F_SETFD, FD_CLOEXEC);
  return parent_watch_descriptor;
}

} // namespace

launch_line::launch_line(std::function<launch_report()> now, std::function<void()> on_cancel)
    : now_(std::move(now)), on_cancel_(std::move(on_cancel)), line_(find_line()) {
  if (line_ < 0)
    return;
  stop_ = descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const quiet_threads takes_no_signals;
  thread_ = std::thread([this] { run(); });
}

launch_line::~launch_line() {
  if (!thread_.joinable())
    return;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.get(), &one, sizeof one));
  thread_.join();
}

void launch_line::run() {
  std::array<pollfd, 2> watched{{{stop_.get(), POLLIN, 0}, {line_, POLLIN, 0}}};
  for (;;) {
    say();
    ::poll(watched.data(), watched.size(), say_every_ms);
    if (watched[0].revents != 0)
      return say();
    if (watched[1].revents != 0 && !hear())
      return;
  }
}

void launch_line::say() {
  if (unsent_.empty()) {
    auto now = now_();
    if (now.application.empty() || now == said_)
      return;
    unsent_ = encode_report(now);
    said_ = std::move(now);
  }
  const auto sent = ::send(line_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0)
    unsent_.erase(0, static_cast<std::size_t>(sent));
}

bool launch_line::hear() {
  std::array<char, 256> buffer;
  const auto got = ::recv(line_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
    return false;
  if (got > 0)
    heard_.add({buffer.data(), static_cast<std::size_t>(got)});
  while (const auto line = heard_.next())
    if (*line + '\n' == cancel_line)
      on_cancel_();
  return true;
}

} // namespace salamander::actors
