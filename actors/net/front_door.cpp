#include <salamander/actors/net/front_door.hpp>

#include <salamander/actors/quiet_threads.hpp>
#include <salamander/rdd/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
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
  std::vector<visitor> visitors;
  std::vector<pollfd> watched;
  auto accept_after = clock::time_point::min();
  for (;;) {
    const auto time = clock::now();
    std::erase_if(visitors, [&](const visitor& one) {
      const bool late = time - one.since >= limits_.handshake_max;
      turned_away_ += late ? 1 : 0;
      return late;
    });
    watched.assign({{stop_.get(), POLLIN, 0}, {listener_.get(), static_cast<short>(time >= accept_after ? POLLIN : 0), 0}});
    auto next = clock::time_point::max();
    for (const auto& one : visitors) {
      watched.push_back({one.session->socket(), one.wants, 0});
      next = std::min(next, one.since + limits_.handshake_max);
    }
    if (accept_after > time)
      next = std::min(next, accept_after);
    const auto wait = next == clock::time_point::max() ? -1 : std::chrono::ceil<std::chrono::milliseconds>(next - time).count() + 1;
    if (::poll(watched.data(), watched.size(), static_cast<int>(wait)) < 0 && errno != EINTR)
      std::this_thread::sleep_for(accept_pause);
    if (watched[0].revents != 0)
      return;
    std::size_t place = 2;
    std::erase_if(visitors, [&](visitor& one) { return watched[place++].revents != 0 && !talk(one); });
    if (watched[1].revents != 0) {
      try {
        accept_some(visitors);
      } catch (...) {
        accept_after = clock::now() + accept_pause;
      }
    }
  }
}

void front_door::accept_some(std::vector<visitor>& visitors) {
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
      visitors.erase(visitors.begin());
      ++turned_away_;
    }
    visitors.push_back({std::make_unique<tls_session>(*context_, std::move(socket), tls_side::accepting), clock::now(), POLLIN});
  }
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
