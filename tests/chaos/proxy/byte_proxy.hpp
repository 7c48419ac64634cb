// Stands between processes that talk over stream sockets and does to their bytes what networks do.
#pragma once

#include "proxy/line_fault.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace chaos {

/// Listens on any number of TCP ports of 127.0.0.1 and Unix sockets, each with a name, and connects each caller to the listener's
/// target. One thread of its own does all of the work.
/// Threads: members from one thread; they return when the proxy has done what was asked. Errors of listen_*: std::system_error.
class byte_proxy {
public:
  struct totals {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0; ///< closed at once: the target could not be reached
    std::uint64_t resets = 0;
    std::uint64_t truncations = 0;
    std::uint64_t bytes = 0;
    std::uint64_t flipped_bits = 0;
    // Pieces of data, or ends of connections, that came while such a fault was at work:
    std::uint64_t held = 0;
    std::uint64_t delayed = 0;
    std::uint64_t trickled = 0;
  };

  byte_proxy();
  byte_proxy(const byte_proxy&) = delete;
  byte_proxy& operator=(const byte_proxy&) = delete;
  ~byte_proxy();

  /// Returns the port. `target_port` is asked for each caller, on the proxy's thread; 0: not known yet, asked again for some seconds.
  std::uint16_t listen_tcp(const std::string& name, std::function<std::uint16_t()> target_port);
  void listen_unix(const std::string& name, const std::filesystem::path& path, const std::filesystem::path& target);
  bool listens(const std::string& name) const;
  /// Connections end and the socket's name goes; nothing if there is no such listener.
  void close(const std::string& name);

  std::size_t connections(const std::string& name) const;
  /// `which`: one connection by age, the oldest is 0; none: all that exist, and those to come.
  void afflict(const std::string& name, std::optional<std::size_t> which, const line_fault& fault);
  /// Connections end as if the network had lost them: over TCP both sides see an error, not an end.
  void reset(const std::string& name, std::optional<std::size_t> which);
  /// All bytes pass again, on all lines.
  void heal();

  totals counts() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace chaos
