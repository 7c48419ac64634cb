// Mutual TLS over non-blocking sockets: one layer for control connections and blocks.
#pragma once

#include <salamander/actors/certificates.hpp>
#include <salamander/actors/net/addresses.hpp>
#include <salamander/actors/net/block_socket.hpp>

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>

namespace salamander::actors::net {

/// One side's key, certificate and the authority that it believes. TLS 1.3 only, certificates of both sides are required, nothing is
/// resumed. Threads: any, once made.
class tls_context {
public:
  /// Errors: errc::io_error naming the file that is missing, unreadable, readable by others (keys) or does not fit the others.
  explicit tls_context(const credentials& keys);

  ::SSL_CTX* get() const noexcept {
    return context_.get();
  }

private:
  struct freed {
    void operator()(::SSL_CTX* context) const {
      ::SSL_CTX_free(context);
    }
  };
  std::unique_ptr<::SSL_CTX, freed> context_;
};

enum class tls_side : std::uint8_t { accepting, connecting };
enum class tls_outcome : std::uint8_t { done, want_read, want_write, closed, failed };

/// A connection. Threads: one at a time. The operating system's signals for broken connections are never raised.
class tls_session {
public:
  /// Owns the socket from now on. Errors: errc::internal when OpenSSL has no memory.
  tls_session(const tls_context& context, unique_fd socket, tls_side side);

  int socket() const noexcept {
    return socket_.get();
  }
  /// The socket outlives this object: somebody else closes it, afterwards.
  void lend_socket() noexcept {
    static_cast<void>(socket_.release());
  }
  /// Goes on with the handshake; nothing else may be asked before it is done.
  tls_outcome handshake();
  /// done: `count` is at least 1. closed: the other side said that it ended.
  tls_outcome read(std::span<std::byte> into, std::size_t& count);
  tls_outcome write(std::span<const std::byte> bytes, std::size_t& count);
  /// Bytes that have arrived and can be read without the socket.
  std::size_t pending() const noexcept;
  /// The common name of the other side's certificate.
  std::string peer_name() const;
  /// What went wrong, for people; nothing that the other side could choose.
  const std::string& failure() const noexcept {
    return failure_;
  }

private:
  struct freed {
    void operator()(::SSL* session) const {
      ::SSL_free(session);
    }
  };
  tls_outcome outcome_of(int result);

  unique_fd socket_;
  std::unique_ptr<::SSL, freed> session_;
  std::string failure_;
};

/// Connects and shakes hands; blocks until `deadline`. Errors: errc::executor_lost with the reason.
std::unique_ptr<tls_session> connect_tls_session(const tls_context& context, const address& there,
                                                 std::chrono::steady_clock::time_point deadline);

} // namespace salamander::actors::net
