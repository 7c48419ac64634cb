// The actor framework's connections over our own TLS layer, in place of caf::openssl.
//
// Handshakes happen before the framework sees a connection: in its own module every stranger costs a TLS session for as long as it
// likes, and one failed handshake leaves errors in OpenSSL's queue that end healthy connections of the same thread (ADR 12).
#pragma once

#include <salamander/actors/net/tls.hpp>

#include <caf/fwd.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/fwd.hpp>
#include <caf/io/scribe.hpp>

namespace salamander::actors {

/// Listens and lets in whom the context's authority knows; port 0: any. Returns the port, too. Errors: errc::io_error.
std::pair<caf::io::doorman_ptr, std::uint16_t> listen_tls(caf::actor_system& system, std::shared_ptr<const net::tls_context> context,
                                                          const net::address& here);

/// Connects and shakes hands; blocks until the deadline. Errors: errc::executor_lost: refused, or not answered in time.
caf::io::scribe_ptr connect_tls(caf::actor_system& system, const net::tls_context& context, const net::address& there,
                                std::chrono::steady_clock::time_point deadline);

} // namespace salamander::actors
