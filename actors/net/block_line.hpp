// A connection to a peer that serves blocks: a Unix socket on this machine, TLS to another one.
#pragma once

#include <salamander/actors/net/block_socket.hpp>
#include <salamander/actors/net/tls.hpp>

#include <map>
#include <mutex>
#include <optional>

namespace salamander::actors::net {

/// Where peers of other machines serve their blocks. Threads: any.
class peer_book {
public:
  explicit peer_book(std::shared_ptr<const tls_context> context) : context_(std::move(context)) {}

  void put(std::uint32_t peer, address where);
  /// Nothing: it is not known, or serves at its Unix socket only.
  std::optional<address> find(std::uint32_t peer) const;
  const tls_context& context() const noexcept {
    return *context_;
  }

private:
  const std::shared_ptr<const tls_context> context_;
  mutable std::mutex mutex_;
  std::map<std::uint32_t, address> places_;
};

/// Never blocks. Threads: one at a time.
class block_line {
public:
  enum class progress : std::uint8_t { some, later, ended, failed };

  block_line() = default;
  /// Over a connected Unix socket.
  explicit block_line(unique_fd connected) noexcept : plain_(std::move(connected)) {}
  explicit operator bool() const noexcept {
    return plain_ || secure_ || connecting_;
  }
  void reset() noexcept;

  /// At the peer's Unix socket in `directory` if there is one and else, with a book, where that says. Connecting over TLS goes on with
  /// the first reads and writes.
  connect_outcome connect(const std::filesystem::path& directory, const peer_book* book, std::uint32_t peer);

  /// ended: the peer closed it. failed: see `failure`.
  progress read(std::span<std::byte> into, std::size_t& count);
  progress write(std::span<const std::byte> bytes, std::size_t& count);

  int socket() const noexcept;
  /// What to wait for at the socket before the next call, beside its having something to read or, with `writing`, room.
  short waits_for(bool writing) const noexcept;
  /// There is something to read, whatever the socket says.
  bool holds_bytes() const noexcept {
    return secure_ && ready_ && secure_->pending() > 0;
  }
  const std::string& failure() const noexcept {
    return failure_;
  }

private:
  /// done: the session can be used.
  tls_outcome shake_hands();
  progress told(tls_outcome outcome);
  progress told_by_system(ssize_t result, std::size_t& count);

  unique_fd plain_;
  unique_fd connecting_; ///< a TCP connection that is being made
  const tls_context* context_ = nullptr;
  std::unique_ptr<tls_session> secure_;
  bool ready_ = false; ///< the handshake is done
  short handshake_waits_for_ = 0;
  std::string failure_;
};

} // namespace salamander::actors::net
