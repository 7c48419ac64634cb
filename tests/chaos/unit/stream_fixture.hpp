// Plain blocking sockets on both sides of a proxy.
#pragma once

#include "../../support/scratch.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

namespace chaos_test {

using test_support::scratch;

/// Longer than anything takes that happens at all.
constexpr int patience_ms = 20000;

class plain_socket {
public:
  explicit plain_socket(int fd) : fd_(fd) {
    REQUIRE(fd_ >= 0);
  }
  plain_socket(plain_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~plain_socket() {
    close();
  }
  int fd() const {
    return fd_;
  }
  void close() {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }
  void say(const std::string& text) const {
    REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  bool something_to_hear(int wait_ms) const {
    pollfd ready{fd_, POLLIN, 0};
    return ::poll(&ready, 1, wait_ms) == 1;
  }
  /// What comes until there are so many bytes, or the end, or an error, which is named.
  std::string hear(std::size_t bytes) const {
    std::string text;
    while (text.size() < bytes) {
      if (!something_to_hear(patience_ms))
        return text + "<silence>";
      char piece[4096];
      const auto got = ::recv(fd_, piece, std::min(sizeof piece, bytes - text.size()), 0);
      if (got == 0)
        return text + "<end>";
      if (got < 0)
        return text + (errno == ECONNRESET ? "<reset>" : "<error>");
      text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
  }

private:
  int fd_;
};

class unix_listener {
public:
  explicit unix_listener(const std::filesystem::path& path) : listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = address_of(path);
    REQUIRE(::bind(listening_.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listening_.fd(), 8) == 0);
  }
  plain_socket accept() const {
    REQUIRE(listening_.something_to_hear(patience_ms));
    return plain_socket(::accept(listening_.fd(), nullptr, nullptr));
  }
  static plain_socket call(const std::filesystem::path& path) {
    plain_socket made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(path);
    REQUIRE(::connect(made.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return made;
  }

private:
  static sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
  }

  plain_socket listening_;
};

class tcp_listener {
public:
  tcp_listener() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = address_of(0);
    REQUIRE(::bind(listening_.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listening_.fd(), 8) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listening_.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const {
    return port_;
  }
  plain_socket accept() const {
    REQUIRE(listening_.something_to_hear(patience_ms));
    return plain_socket(::accept(listening_.fd(), nullptr, nullptr));
  }
  static plain_socket call(std::uint16_t port) {
    plain_socket made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(port);
    REQUIRE(::connect(made.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return made;
  }

private:
  static sockaddr_in address_of(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  plain_socket listening_;
  std::uint16_t port_ = 0;
};

} // namespace chaos_test
