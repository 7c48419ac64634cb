// Where a process listens and where it can be reached.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::actors::net {

struct address {
  std::string host; ///< a name or a numeric address, without brackets
  std::uint16_t port = 0;

  /// "host:port", "[::1]:port"
  std::string text() const;
  friend bool operator==(const address&, const address&) = default;
};

/// Reads "host:port" or "[v6]:port". Errors: errc::invalid_argument saying what is wrong with `text`.
address parse_address(std::string_view text);

/// A socket address of the system. Limits: the first that the resolver gives.
struct resolved_address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

/// Blocks as long as the system's resolver takes for a name; numeric addresses need none. Errors: errc::invalid_argument.
resolved_address resolve(const address& where);

/// Whether only processes of this machine can reach a listener there: 127.0.0.0/8 and ::1. Errors: as `resolve`.
bool is_loopback(const std::string& host);

/// The same host in digits. Errors: as `resolve`.
std::string numeric_host(const std::string& host);

/// The numeric address that this machine would send from to reach `there`; nothing is sent. Errors: errc::io_error when there is no way
/// to it, and those of `resolve`.
std::string local_address_toward(const address& there);

/// A socket that is connected or not; blocks until `deadline`. Returns a non-blocking descriptor. Errors: errc::executor_lost with the
/// system's reason.
int connect_to(const address& there, std::chrono::steady_clock::time_point deadline);

/// Whether that machine says that nobody listens there. False: somebody does, or it has not said anything within `time`. Blocks until then.
/// Never throws.
bool refuses_connections(const address& there, std::chrono::milliseconds time) noexcept;

/// A listening, non-blocking TCP socket at a numeric address or name of this machine; port 0: any. Errors: errc::io_error.
int listen_at(const address& here, int backlog);

/// Of a bound socket. Errors: errc::io_error.
std::uint16_t port_of(int socket);

} // namespace salamander::actors::net
