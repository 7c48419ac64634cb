#include <salamander/actors/net/addresses.hpp>

#include <salamander/actors/net/block_socket.hpp>
#include <salamander/rdd/error.hpp>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace salamander::actors::net {
namespace {

[[noreturn]] void fail(errc code, const std::string& doing, int why) {
  core::throw_error(code, doing + ": " + std::strerror(why));
}

} // namespace

std::string address::text() const {
  return (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' + std::to_string(port);
}

address parse_address(std::string_view text) {
  const auto bad = [&](const char* why) {
    core::throw_error(errc::invalid_argument, "\"" + std::string(text) + "\" is not host:port: " + why);
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    bad("the port is missing");
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find_first_of(":[]") != std::string_view::npos)
    bad("an IPv6 address stands in brackets");
  if (host.empty() || host.size() > 253)
    bad("the host is missing or too long");
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || port == 0)
    bad("the port is a number from 1 to 65535");
  return {std::string(host), port};
}

resolved_address resolve(const address& where) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  // Without a network but loopback, AI_ADDRCONFIG would hide the addresses that are there.
  for (const int flags : {AI_NUMERICHOST | AI_NUMERICSERV, hints.ai_flags, AI_NUMERICSERV}) {
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(failure == 0 ? found : nullptr, &::freeaddrinfo);
    if (failure == 0 && found->ai_addrlen <= sizeof(sockaddr_storage)) {
      resolved_address made;
      std::memcpy(&made.storage, found->ai_addr, found->ai_addrlen);
      made.size = found->ai_addrlen;
      return made;
    }
    if (flags == AI_NUMERICSERV)
      core::throw_error(errc::invalid_argument, "the host \"" + where.host + "\" has no address: " + ::gai_strerror(failure));
  }
  return {};
}

bool is_loopback(const std::string& host) {
  const auto where = resolve({host, 1});
  if (where.storage.ss_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in&>(where.storage).sin_addr.s_addr) >> 24) == 127;
  return where.storage.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(where.storage).sin6_addr);
}

std::string numeric_host(const std::string& host) {
  const auto where = resolve({host, 1});
  char text[NI_MAXHOST];
  if (::getnameinfo(where.get(), where.size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
    core::throw_error(errc::invalid_argument, "the address of \"" + host + "\" cannot be told");
  return text;
}

std::string local_address_toward(const address& there) {
  const auto to = resolve(there);
  const unique_fd probe(::socket(to.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  char text[NI_MAXHOST];
  if (!probe || ::connect(probe.get(), to.get(), to.size) != 0 || ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0)
    fail(errc::io_error, "there is no way from this machine to " + there.text(), errno);
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&own), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
    fail(errc::io_error, "this machine's address towards " + there.text() + " cannot be told", EINVAL);
  return text;
}

namespace {

/// 0 and a connected socket, or what the system says.
int connect_within(const resolved_address& to, std::chrono::steady_clock::time_point deadline, unique_fd& made) {
  made = unique_fd(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made)
    return errno;
  const int yes = 1;
  ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(made.get(), to.get(), to.size) == 0)
    return 0;
  if (errno != EINPROGRESS)
    return errno;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd ready{made.get(), POLLOUT, 0};
  if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) != 1)
    return ETIMEDOUT;
  int why = 0;
  socklen_t size = sizeof why;
  return ::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &why, &size) == 0 ? why : errno;
}

} // namespace

int connect_to(const address& there, std::chrono::steady_clock::time_point deadline) {
  unique_fd made;
  if (const int why = connect_within(resolve(there), deadline, made); why != 0)
    fail(errc::executor_lost, "cannot connect to " + there.text(), why);
  return made.release();
}

bool refuses_connections(const address& there, std::chrono::milliseconds time) noexcept {
  try {
    unique_fd made;
    return connect_within(resolve(there), std::chrono::steady_clock::now() + time, made) == ECONNREFUSED;
  } catch (const std::exception&) {
    return false; // it cannot even be found
  }
}

int listen_at(const address& here, int backlog) {
  const auto refuse = [&](int why) { fail(errc::io_error, "cannot listen at " + here.text(), why); };
  const auto at = resolve(here);
  unique_fd made(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made)
    refuse(errno);
  const int yes = 1; // a process that starts again finds connections of its former life in TIME_WAIT
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(made.get(), at.get(), at.size) != 0 || ::listen(made.get(), backlog) != 0)
    refuse(errno);
  return made.release();
}

std::uint16_t port_of(int socket) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) != 0)
    fail(errc::io_error, "the port of a socket cannot be told", errno);
  return ntohs(own.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(own).sin6_port
                                         : reinterpret_cast<const sockaddr_in&>(own).sin_port);
}

} // namespace salamander::actors::net
