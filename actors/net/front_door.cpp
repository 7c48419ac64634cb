#include <salamander/actors/net/front_door.hpp>

#include <salamander/actors/quiet_threads.hpp>
#include <salamander/rdd/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace salamander::actors::net {
namespace {

using clock = std::chrono::steady_clock;

constexpr int backlog = 128;
/// Before somebody is accepted again who could not be for lack of descriptors or memory.
constexpr std::chrono::milliseconds accept_pause{100};
constexpr int accepts_in_a_row_max = 64;

// A record of TLS: its kind, two bytes of version, two of length.
constexpr std::size_t header_bytes = 5;
constexpr unsigned char kind_handshake = 22;
constexpr unsigned char version_major = 3;
constexpr std::size_t hello_bytes_max = 16 << 10;

/// The socket is not ready for reading before that many bytes are there, or the other side has ended.
void wait_for_bytes(int socket, std::size_t count) {
  const int value = static_cast<int>(count);
  ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

std::size_t bytes_there(int socket) {
  int count = 0;
  return ::ioctl(socket, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

} // namespace

front_door::front_door(std::shared_ptr<const tls_context> context, const address& here,
                       std::function<void(std::unique_ptr<tls_session>)> on_admitted, door_limits limits)
    : context_(std::move(context)), limits_(limits), on_admitted_(std::move(on_admitted)), listener_(listen_at(here, backlog)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), where_{here.host, port_of(listener_.get())} {
  if (!stop_)
    core::throw_error(errc::io_error, "no descriptor is left to listen at " + where_.text());
  const quiet_threads takes_no_signals;
  thread_ = std::thread([this] { run(); });
}

front_door::~front_door() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.get(), &one, sizeof one));
  thread_.join();
}

void front_door::run() {
  std::list<visitor> visitors;
  std::vector<pollfd> watched;
  auto accept_after = clock::time_point::min();
  for (;;) {
    const auto time = clock::now();
    std::erase_if(visitors, [&](const visitor& one) {
      const bool late = time - one.since >= limits_.handshake_max;
      turned_away_ += late ? 1 : 0;
      return late;
    });
    give_turns(visitors);
    watched.assign({{stop_.get(), POLLIN, 0}, {listener_.get(), static_cast<short>(time >= accept_after ? POLLIN : 0), 0}});
    auto next = clock::time_point::max();
    bool turn_wanted = false;
    for (const auto& one : visitors) {
      const int socket = one.session ? one.session->socket() : one.socket.get();
      watched.push_back({one.waits_for_turn ? -1 : socket, one.wants, 0});
      next = std::min(next, one.since + limits_.handshake_max);
      turn_wanted |= one.waits_for_turn;
    }
    for (const auto& one : visitors)
      if (turn_wanted && one.session)
        next = std::min(next, one.turn_since + limits_.turn_min);
    if (accept_after > time)
      next = std::min(next, accept_after);
    const auto wait = next == clock::time_point::max() ? -1 : std::chrono::ceil<std::chrono::milliseconds>(next - time).count() + 1;
    if (::poll(watched.data(), watched.size(), static_cast<int>(wait)) < 0 && errno != EINTR)
      std::this_thread::sleep_for(accept_pause);
    if (watched[0].revents != 0)
      return;
    std::size_t place = 2;
    std::erase_if(visitors, [&](visitor& one) { return watched[place++].revents != 0 && !attend(one); });
    if (watched[1].revents != 0) {
      try {
        accept_some(visitors);
      } catch (...) {
        accept_after = clock::now() + accept_pause;
      }
    }
  }
}

void front_door::accept_some(std::list<visitor>& visitors) {
  for (int i = 0; i < accepts_in_a_row_max; ++i) {
    unique_fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        throw std::bad_alloc();
      if (errno == EAGAIN)
        return;
      continue; // gone before it was accepted
    }
    const int yes = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (visitors.size() >= limits_.half_open_max) {
      ++turned_away_;
      visitors.erase(visitors.begin());
    }
    wait_for_bytes(socket.get(), header_bytes);
    visitors.push_back({.socket = std::move(socket), .since = clock::now(), .needs = header_bytes, .wants = POLLIN});
  }
}

void front_door::give_turns(std::list<visitor>& visitors) {
  auto talking = static_cast<std::size_t>(std::ranges::count_if(visitors, [](const visitor& one) { return one.session != nullptr; }));
  for (auto next = visitors.begin(); next != visitors.end();) {
    const auto one = next++;
    if (!one->waits_for_turn)
      continue;
    if (talking >= std::max<std::size_t>(limits_.talking_max, 1)) {
      const auto longest =
          std::ranges::min_element(visitors, {}, [](const visitor& other) { return other.session ? other.turn_since : time_point::max(); });
      if (clock::now() - longest->turn_since < limits_.turn_min)
        return;
      if (longest == next)
        ++next;
      ++turned_away_;
      visitors.erase(longest);
      --talking;
    }
    if (begin(*one))
      ++talking;
    else
      visitors.erase(one);
  }
}

bool front_door::attend(visitor& one) {
  return one.session ? talk(one) : listen_to(one);
}

bool front_door::listen_to(visitor& one) {
  const auto away = [this] {
    ++turned_away_;
    return false;
  };
  const int socket = one.socket.get();
  if (bytes_there(socket) < one.needs)
    return away(); // it has ended; or the system is short of memory for sockets, and an honest one dials again
  if (one.needs == header_bytes) {
    unsigned char header[header_bytes];
    if (::recv(socket, header, header_bytes, MSG_PEEK) != static_cast<ssize_t>(header_bytes))
      return away();
    const std::size_t length = header[3] * 256U + header[4];
    if (header[0] != kind_handshake || header[1] != version_major || length == 0 || length > hello_bytes_max)
      return away();
    one.needs += length;
    wait_for_bytes(socket, one.needs);
    if (bytes_there(socket) < one.needs)
      return true;
  }
  one.waits_for_turn = true;
  return true;
}

bool front_door::begin(visitor& one) {
  wait_for_bytes(one.socket.get(), 1);
  one.waits_for_turn = false;
  one.turn_since = clock::now();
  try {
    one.session = std::make_unique<tls_session>(*context_, std::move(one.socket), tls_side::accepting);
  } catch (...) {
    return false; // no memory: it finds its connection closed and tries again
  }
  return talk(one);
}

bool front_door::talk(visitor& one) {
  switch (one.session->handshake()) {
  case tls_outcome::done:
    try {
      on_admitted_(std::move(one.session));
    } catch (...) {
      // No memory for it: it finds its connection closed and tries again.
    }
    return false;
  case tls_outcome::want_read:
    one.wants = POLLIN;
    return true;
  case tls_outcome::want_write:
    one.wants = POLLOUT;
    return true;
  case tls_outcome::closed:
  case tls_outcome::failed:
    break;
  }
  ++turned_away_;
  return false;
}

} // namespace salamander::actors::net
