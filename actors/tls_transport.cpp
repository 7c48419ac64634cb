#include <salamander/actors/tls_transport.hpp>

#include <salamander/actors/net/front_door.hpp>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/interfaces.hpp>
#include <caf/io/network/stream_impl.hpp>

#include <atomic>
#include <mutex>

namespace salamander::actors {
namespace {

namespace network = caf::io::network;
using session_ptr = std::unique_ptr<net::tls_session>;

class tls_policy {
public:
  explicit tls_policy(session_ptr session) : session_(std::move(session)) {
    session_->lend_socket(); // the stream closes it
  }

  network::rw_state read_some(std::size_t& result, network::native_socket, void* buffer, std::size_t size) {
    return size == 0 ? nothing_to_do(result) : state_of(session_->read({static_cast<std::byte*>(buffer), size}, result));
  }
  network::rw_state write_some(std::size_t& result, network::native_socket, const void* buffer, std::size_t size) {
    return size == 0 ? nothing_to_do(result) : state_of(session_->write({static_cast<const std::byte*>(buffer), size}, result));
  }
  bool must_read_more(network::native_socket, std::size_t threshold) const {
    return session_->pending() >= threshold;
  }

private:
  static network::rw_state nothing_to_do(std::size_t& result) {
    result = 0;
    return network::rw_state::indeterminate;
  }
  static network::rw_state state_of(net::tls_outcome outcome) {
    const bool over = outcome == net::tls_outcome::closed || outcome == net::tls_outcome::failed;
    return over ? network::rw_state::failure : network::rw_state::success;
  }

  session_ptr session_;
};

class tls_scribe final : public caf::io::scribe {
public:
  tls_scribe(network::default_multiplexer& backend, session_ptr session)
      : scribe(network::conn_hdl_from_socket(session->socket())), stream_(backend, session->socket(), std::move(session)) {}

  void configure_read(caf::io::receive_policy::config how) override {
    stream_.configure_read(how);
    if (!std::exchange(launched_, true))
      stream_.start(this);
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

network::default_multiplexer& backend_of(caf::actor_system& system) {
  return dynamic_cast<network::default_multiplexer&>(system.middleman().backend());
}

/// Hands those whom the front door admitted to the broker, in the framework's network thread.
class tls_doorman final : public caf::io::doorman {
public:
  tls_doorman(network::default_multiplexer& backend, std::shared_ptr<const net::tls_context> context, const net::address& here)
      : doorman(next_handle()), backend_(backend), desk_(std::make_shared<desk>()) {
    desk_->owner = this;
    door_ = std::make_unique<net::front_door>(std::move(context), here, [&backend, desk = desk_](session_ptr session) {
      backend.post([desk, kept = std::make_shared<session_ptr>(std::move(session))] {
        const std::lock_guard lock(desk->mutex);
        if (desk->owner)
          desk->owner->admit(std::move(*kept));
      });
    });
    address_ = door_->where();
  }
  ~tls_doorman() override {
    close();
  }

  bool new_connection() override {
    return false; // the loop does not watch our socket
  }
  void launch() override {
    launched_ = true;
    for (auto& one : waiting_)
      admit(std::move(one));
    waiting_.clear();
  }
  void graceful_shutdown() override {
    close();
    detach(&backend_, false);
  }
  std::string addr() const override {
    return address_.host;
  }
  std::uint16_t port() const override {
    return address_.port;
  }
  void add_to_loop() override {}
  void remove_from_loop() override {}

private:
  struct desk {
    std::mutex mutex;
    tls_doorman* owner = nullptr;
  };

  /// Numbers that no socket has.
  static caf::io::accept_handle next_handle() {
    static std::atomic<std::int64_t> last{-1};
    return caf::io::accept_handle::from_int(--last);
  }

  void admit(session_ptr session) {
    if (!launched_) {
      waiting_.push_back(std::move(session));
      return;
    }
    if (detached())
      return;
    auto scribe = caf::make_counted<tls_scribe>(backend_, std::move(session));
    const auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    doorman::new_connection(&backend_, handle);
  }

  void close() {
    {
      const std::lock_guard lock(desk_->mutex);
      desk_->owner = nullptr;
    }
    door_.reset();
  }

  network::default_multiplexer& backend_;
  const std::shared_ptr<desk> desk_;
  net::address address_;
  bool launched_ = false;
  std::vector<session_ptr> waiting_; ///< admitted before the broker was ready
  std::unique_ptr<net::front_door> door_;
};

} // namespace

std::pair<caf::io::doorman_ptr, std::uint16_t> listen_tls(caf::actor_system& system, std::shared_ptr<const net::tls_context> context,
                                                          const net::address& here) {
  auto doorman = caf::make_counted<tls_doorman>(backend_of(system), std::move(context), here);
  const auto port = doorman->port();
  return {std::move(doorman), port};
}

caf::io::scribe_ptr connect_tls(caf::actor_system& system, const net::tls_context& context, const net::address& there,
                                std::chrono::steady_clock::time_point deadline) {
  return caf::make_counted<tls_scribe>(backend_of(system), net::connect_tls_session(context, there, deadline));
}

} // namespace salamander::actors
