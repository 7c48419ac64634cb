#include <salamander/actors/tls_transport.hpp>

#include <salamander/rdd/error.hpp>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/doorman_impl.hpp>
#include <caf/io/network/interfaces.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <caf/openssl/manager.hpp>
#include <caf/openssl/session.hpp>

#include <openssl/err.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace salamander::actors {
namespace {

namespace network = caf::io::network;

struct tls_policy {
  explicit tls_policy(caf::openssl::session_ptr given) : session(std::move(given)) {}

  network::rw_state read_some(std::size_t& result, network::native_socket fd, void* buffer, std::size_t size) {
    ::ERR_clear_error();
    return session->read_some(result, fd, buffer, size);
  }
  network::rw_state write_some(std::size_t& result, network::native_socket fd, const void* buffer, std::size_t size) {
    ::ERR_clear_error();
    return session->write_some(result, fd, buffer, size);
  }
  bool must_read_more(network::native_socket fd, std::size_t threshold) {
    return session->must_read_more(fd, threshold);
  }

  caf::openssl::session_ptr session;
};

class tls_scribe final : public caf::io::scribe {
public:
  tls_scribe(network::default_multiplexer& backend, network::native_socket fd, caf::openssl::session_ptr session)
      : scribe(network::conn_hdl_from_socket(fd)), stream_(backend, fd, std::move(session)) {}

  void configure_read(caf::io::receive_policy::config how) override {
    stream_.configure_read(how);
    if (std::exchange(launched_, true))
      return;
    stream_.start(this);
    // The handshake may have to write although nobody has anything to say yet.
    stream_.force_empty_write(this);
  }
  void ack_writes(bool) override {}
  std::vector<char>& wr_buf() override {
    return stream_.wr_buf();
  }
  std::vector<char>& rd_buf() override {
    return stream_.rd_buf();
  }
  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }
  void flush() override {
    stream_.flush(this);
  }
  std::string addr() const override {
    const auto text = network::remote_addr_of_fd(stream_.fd());
    return text ? *text : std::string();
  }
  std::uint16_t port() const override {
    const auto number = network::remote_port_of_fd(stream_.fd());
    return number ? *number : std::uint16_t{0};
  }
  void add_to_loop() override {
    stream_.activate(this);
  }
  void remove_from_loop() override {
    stream_.passivate();
  }

private:
  bool launched_ = false;
  network::stream_impl<tls_policy> stream_;
};

caf::io::scribe_ptr make_scribe(network::default_multiplexer& backend, network::native_socket fd, bool accepted) {
  ::ERR_clear_error();
  network::child_process_inherit(fd, false);
  network::nonblocking(fd, true);
  network::tcp_nodelay(fd, true);
  auto session = caf::openssl::make_session(backend.system(), fd, accepted);
  if (!session) {
    ::close(fd);
    return nullptr;
  }
  return caf::make_counted<tls_scribe>(backend, fd, std::move(session));
}

class tls_doorman final : public network::doorman_impl {
public:
  using network::doorman_impl::doorman_impl;

  bool new_connection() override {
    if (detached())
      return false;
    auto& backend = acceptor_.backend();
    auto scribe = make_scribe(backend, acceptor_.accepted_socket(), true);
    if (!scribe)
      return true; // a stranger who gave up at once; others may come
    const auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    return doorman::new_connection(&backend, handle);
  }
};

network::default_multiplexer& backend_of(caf::actor_system& system) {
  return dynamic_cast<network::default_multiplexer&>(system.middleman().backend());
}

} // namespace

std::pair<caf::io::doorman_ptr, std::uint16_t> listen_tls(caf::actor_system& system, const std::string& address) {
  const auto fd = network::new_tcp_acceptor_impl(0, address.c_str(), false);
  if (!fd)
    core::throw_error(errc::io_error, "cannot listen on " + address + ": " + system.render(fd.error()));
  network::child_process_inherit(*fd, false);
  auto doorman = caf::make_counted<tls_doorman>(backend_of(system), *fd);
  const auto port = doorman->port();
  return {std::move(doorman), port};
}

caf::io::scribe_ptr connect_tls(caf::actor_system& system, const std::string& address, std::uint16_t port,
                                std::chrono::steady_clock::time_point deadline) {
  const auto fail = [&](int fd, int why) {
    if (fd >= 0)
      ::close(fd);
    core::throw_error(errc::executor_lost, "cannot connect to " + address + ":" + std::to_string(port) + ": " + std::strerror(why));
  };
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1)
    core::throw_error(errc::invalid_argument, address + " is not an IPv4 address");
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    fail(fd, errno);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    if (errno != EINPROGRESS)
      fail(fd, errno);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{fd, POLLOUT, 0};
    if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) != 1)
      fail(fd, ETIMEDOUT);
    int why = 0;
    socklen_t size = sizeof why;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0 || why != 0)
      fail(fd, why);
  }
  auto scribe = make_scribe(backend_of(system), fd, false);
  if (!scribe)
    core::throw_error(errc::executor_lost, "cannot begin TLS with " + address + ":" + std::to_string(port));
  return scribe;
}

} // namespace salamander::actors
