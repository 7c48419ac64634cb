// Mutual TLS for the actor framework's connections, in place of caf::openssl's own connection handling.
//
// OpenSSL keeps errors in a queue for each thread, and SSL_get_error looks there first; the framework's one network thread serves
// all connections and, in builds without logging, never empties the queue. One broken connection, or one stranger who fails the
// handshake, then ends healthy connections. Here the queue is emptied before each call.
#pragma once

#include <caf/fwd.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/fwd.hpp>
#include <caf/io/scribe.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace salamander::actors {

/// Listens on one address and an ephemeral port; returns the port too. Errors: errc::io_error.
std::pair<caf::io::doorman_ptr, std::uint16_t> listen_tls(caf::actor_system& system, const std::string& address);

/// Connects to an IPv4 address; the handshake follows when the connection is used. Errors: errc::executor_lost: refused, or not
/// answered by the deadline.
caf::io::scribe_ptr connect_tls(caf::actor_system& system, const std::string& address, std::uint16_t port,
                                std::chrono::steady_clock::time_point deadline);

} // namespace salamander::actors
