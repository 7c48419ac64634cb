#include <salamander/actors/net/block_line.hpp>

#include <salamander/rdd/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace salamander::actors::net {

void peer_book::put(std::uint32_t peer, address where) {
  const std::lock_guard lock(mutex_);
  places_[peer] = std::move(where);
}

std::optional<address> peer_book::find(std::uint32_t peer) const {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(peer);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

void block_line::reset() noexcept {
  plain_.reset();
  connecting_.reset();
  secure_.reset();
  ready_ = false;
}

connect_outcome block_line::connect(const std::filesystem::path& directory, const peer_book* book, std::uint32_t peer) {
  reset();
  const auto local = connect_to(socket_path(directory, peer), plain_);
  if (local != connect_outcome::absent || !book)
    return local;
  const auto there = book->find(peer);
  if (!there)
    return connect_outcome::absent;
  try {
    const auto to = resolve(*there); // numeric: peers announce it so
    unique_fd made(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!made)
      return connect_outcome::busy;
    const int yes = 1;
    ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (::connect(made.get(), to.get(), to.size) != 0 && errno != EINPROGRESS)
      return errno == ECONNREFUSED ? connect_outcome::absent : connect_outcome::busy;
    connecting_ = std::move(made);
    context_ = &book->context();
    handshake_waits_for_ = POLLOUT;
    return connect_outcome::connected;
  } catch (const salamander::error&) {
    return connect_outcome::absent;
  }
}

tls_outcome block_line::shake_hands() {
  if (connecting_) {
    pollfd look{connecting_.get(), POLLOUT, 0};
    if (::poll(&look, 1, 0) == 0) {
      handshake_waits_for_ = POLLOUT;
      return tls_outcome::want_write;
    }
    int why = 0;
    socklen_t size = sizeof why;
    if (::getsockopt(connecting_.get(), SOL_SOCKET, SO_ERROR, &why, &size) != 0 || why != 0) {
      failure_ = std::strerror(why);
      return tls_outcome::failed;
    }
    secure_ = std::make_unique<tls_session>(*context_, std::move(connecting_), tls_side::connecting);
  }
  const auto outcome = secure_->handshake();
  ready_ = outcome == tls_outcome::done;
  handshake_waits_for_ = outcome == tls_outcome::want_write ? POLLOUT : POLLIN;
  if (outcome == tls_outcome::failed)
    failure_ = secure_->failure();
  return outcome;
}

block_line::progress block_line::told(tls_outcome outcome) {
  switch (outcome) {
  case tls_outcome::done:
    return progress::some;
  case tls_outcome::want_read:
  case tls_outcome::want_write:
    return progress::later;
  case tls_outcome::closed:
    return progress::ended;
  case tls_outcome::failed:
    break;
  }
  if (secure_)
    failure_ = secure_->failure();
  return progress::failed;
}

block_line::progress block_line::told_by_system(ssize_t result, std::size_t& count) {
  count = result > 0 ? static_cast<std::size_t>(result) : 0;
  if (result > 0)
    return progress::some;
  if (result == 0)
    return progress::ended;
  if (errno == EAGAIN || errno == EINTR)
    return progress::later;
  failure_ = std::strerror(errno);
  return progress::failed;
}

block_line::progress block_line::read(std::span<std::byte> into, std::size_t& count) {
  count = 0;
  if (plain_)
    return told_by_system(::recv(plain_.get(), into.data(), into.size(), 0), count);
  const auto state = ready_ ? tls_outcome::done : shake_hands();
  return told(state == tls_outcome::done ? secure_->read(into, count) : state);
}

block_line::progress block_line::write(std::span<const std::byte> bytes, std::size_t& count) {
  count = 0;
  if (plain_)
    return told_by_system(::send(plain_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), count);
  const auto state = ready_ ? tls_outcome::done : shake_hands();
  return told(state == tls_outcome::done ? secure_->write(bytes, count) : state);
}

int block_line::socket() const noexcept {
  return plain_ ? plain_.get() : secure_ ? secure_->socket() : connecting_.get();
}

short block_line::waits_for(bool writing) const noexcept {
  if (!plain_ && !ready_)
    return handshake_waits_for_;
  return static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN);
}

} // namespace salamander::actors::net
