// One direction of a proxied connection.
#pragma once

#include "line_fault.hpp"
#include "random.hpp"

#include <utility> // before Asio 1.74, which uses std::exchange without it

#include <boost/asio.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>

namespace chaos {

/// What happened to bytes, summed over all connections of a proxy. Threads: any.
struct line_counts {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> resets{0};
  std::atomic<std::uint64_t> truncations{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> flipped_bits{0};
  std::atomic<std::uint64_t> held{0};
  std::atomic<std::uint64_t> delayed{0};
  std::atomic<std::uint64_t> trickled{0};
};

using proxy_socket = boost::asio::generic::stream_protocol::socket;

/// Reads from one socket and writes to the other until the end of either. Threads: the proxy's only.
class pump : public std::enable_shared_from_this<pump> {
public:
  /// How a direction ended.
  enum class ending : std::uint8_t { finished, broken, truncated };

  /// The sockets outlive the pump's handlers; `on_end` is called once.
  pump(proxy_socket& from, proxy_socket& to, line_counts& counts, std::function<void(ending)> on_end);

  void start();
  /// Takes effect with the next piece of data; what is held back goes on when `fault` does not hold any more.
  void suffer(const line_fault& fault);
  /// No handler does anything from now on.
  void stop();

private:
  void read();
  void forward();
  void damage();
  void write();
  void written(std::size_t bytes);
  void wait(void (pump::*then)());
  void next();
  void end(ending how);

  proxy_socket& from_;
  proxy_socket& to_;
  line_counts& counts_;
  std::function<void(ending)> on_end_;
  boost::asio::steady_timer timer_;
  line_fault fault_;
  random_source random_{0};
  std::uint64_t until_flip_ = 0;
  std::uint64_t left_ = 0; ///< until the connection is truncated
  std::array<char, 16 * 1024> buffer_;
  std::size_t held_ = 0; ///< bytes in the buffer
  std::size_t sent_ = 0; ///< of them
  bool treated_ = false; ///< the fault was applied to these bytes
  bool ended_by_peer_ = false;
  bool cut_ = false;     ///< the connection ends once these bytes are sent
  bool waiting_ = false; ///< held back by the fault
  bool stopped_ = false;
};

} // namespace chaos
