// Peers that misbehave, for tests of block transfer.
#pragma once

#include <salamander/actors/net/block_frames.hpp>
#include <salamander/actors/net/block_socket.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace socket_test {

using namespace salamander::actors::net;

inline unique_fd listen_at(const std::filesystem::path& path) {
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.native().size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(fd.get(), 16) == 0);
  return fd;
}

inline unique_fd connected_to(const std::filesystem::path& path) {
  unique_fd fd;
  REQUIRE(connect_to(path, fd) == connect_outcome::connected);
  return fd;
}

/// False at the end of the stream, or when `give_up` says so.
inline bool wait_readable(int fd, const std::function<bool()>& give_up) {
  for (;;) {
    if (give_up())
      return false;
    pollfd one{fd, POLLIN, 0};
    if (::poll(&one, 1, 10) == 1)
      return true;
  }
}

inline void send_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      pollfd one{fd, POLLOUT, 0};
      ::poll(&one, 1, 10);
      continue;
    }
    if (n <= 0)
      return;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

/// Accepts connections, one after the other, and lets `serve` deal with each.
class scripted_peer {
public:
  /// `serve(socket, ordinal of the connection, stopped)`.
  using script = std::function<void(int, int, const std::function<bool()>&)>;

  scripted_peer(const std::filesystem::path& path, script serve)
      : listener_(listen_at(path)), serve_(std::move(serve)), thread_([this] {
          const auto stopped = [this] { return stop_.load(); };
          while (wait_readable(listener_.get(), stopped)) {
            const unique_fd one(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (one)
              serve_(one.get(), connections++, stopped);
          }
        }) {}
  scripted_peer(const scripted_peer&) = delete;
  scripted_peer& operator=(const scripted_peer&) = delete;
  ~scripted_peer() {
    stop_ = true;
    thread_.join();
  }

  std::atomic<int> connections{0};

private:
  std::atomic<bool> stop_{false};
  unique_fd listener_;
  script serve_;
  std::thread thread_;
};

/// Passes bytes between a reader and the real peer; byte `at` of the answers of the first `times` connections arrives with one bit
/// flipped.
inline scripted_peer::script flipping_proxy(std::filesystem::path real, std::size_t at, int times) {
  return [=](int reader, int ordinal, const std::function<bool()>& stopped) {
    unique_fd holder;
    if (connect_to(real, holder) != connect_outcome::connected)
      return;
    std::size_t passed = 0;
    std::vector<std::byte> bytes(64U << 10);
    while (!stopped()) {
      pollfd both[] = {{reader, POLLIN, 0}, {holder.get(), POLLIN, 0}};
      ::poll(both, 2, 10);
      for (int side = 0; side < 2; ++side) {
        if (both[side].revents == 0)
          continue;
        const auto n = ::recv(both[side].fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (n <= 0)
          return;
        const auto size = static_cast<std::size_t>(n);
        if (side == 1) {
          if (ordinal < times && at >= passed && at < passed + size)
            bytes[at - passed] ^= std::byte{0x10};
          passed += size;
        }
        send_all(both[1 - side].fd, std::span(bytes).first(size));
      }
    }
  };
}

} // namespace socket_test
