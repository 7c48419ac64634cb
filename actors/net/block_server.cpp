#include <salamander/actors/net/block_server.hpp>

#include <salamander/actors/net/block_connection.hpp>
#include <salamander/actors/net/block_socket.hpp>
#include <salamander/actors/net/front_door.hpp>
#include <salamander/actors/net/tls_stream.hpp>
#include <salamander/rdd/error.hpp>

#include <thread>

namespace salamander::actors::net {
namespace {

using stream_protocol = asio::local::stream_protocol;

constexpr std::size_t threads = 2;
/// Before somebody is accepted again who could not be for lack of descriptors or memory.
constexpr std::chrono::milliseconds accept_pause{100};

/// The turn of accepting, which goes from each operation to the next. An operation that ends for lack of memory, wherever in its
/// machinery that happens, loses it, and says so.
class accept_turn {
public:
  explicit accept_turn(std::atomic<bool>& lost) noexcept : lost_(&lost) {}
  accept_turn(accept_turn&& other) noexcept : lost_(std::exchange(other.lost_, nullptr)) {}
  accept_turn& operator=(accept_turn&&) = delete;
  ~accept_turn() {
    if (lost_)
      *lost_ = true;
  }

private:
  std::atomic<bool>* lost_;
};

} // namespace

class block_server::impl {
public:
  impl(server_options options, storage::block_store& store)
      : state_{std::move(options), store}, work_(asio::make_work_guard(io_)), acceptor_(io_), pause_(io_) {
    check_socket_directory(state_.options.directory);
    path_ = socket_path(state_.options.directory, state_.options.peer);
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    try {
      const stream_protocol::endpoint endpoint(path_.string());
      acceptor_.open();
      acceptor_.bind(endpoint);
      acceptor_.listen();
    } catch (const boost::system::system_error& failure) {
      core::throw_error(errc::io_error, "blocks cannot be served at " + path_.string() + ": " + failure.code().message());
    }
    accept(accept_turn(turn_lost_));
    if (const auto& context = state_.options.tls)
      door_ = std::make_unique<front_door>(context, state_.options.here, [this](std::unique_ptr<tls_session> session) {
        serve(tls_stream(asio::make_strand(io_), std::move(session)));
      });
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this] { run(); });
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  ~impl() {
    door_.reset();
    io_.stop();
    for (auto& thread : threads_)
      thread.join();
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  const server_state& state() const noexcept {
    return state_;
  }
  address where() const {
    return door_ ? door_->where() : address{};
  }

private:
  void accept(accept_turn turn) {
    acceptor_.async_accept(asio::make_strand(io_),
                           [this, turn = std::move(turn)](error_code failure, stream_protocol::socket socket) mutable {
                             if (failure == asio::error::operation_aborted)
                               return;
                             if (failure)
                               return accept_later(std::move(turn));
                             try {
                               serve_neighbour(std::move(socket));
                             } catch (...) {
                               // No memory for one more connection: it is closed, those that exist go on.
                             }
                             accept(std::move(turn));
                           });
  }

  void serve_neighbour(stream_protocol::socket socket) {
    if (!peer_is_same_user(socket.native_handle())) {
      state_.refused.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    error_code ignored; // as much as the system allows
    socket.set_option(stream_protocol::socket::send_buffer_size(static_cast<int>(chunk_bytes_max)), ignored);
    serve(std::move(socket));
  }

  template <class Stream>
  void serve(Stream stream) {
    if (state_.connections.load(std::memory_order_relaxed) < state_.options.connections_max)
      std::make_shared<connection<Stream>>(state_, std::move(stream))->await_request();
  }

  /// A handler that finds no memory loses its connection only.
  void run() {
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (...) {
        accept_if_nobody_does();
      }
    }
  }

  /// Out of file descriptors or memory: others may give some back.
  void accept_later(accept_turn turn) {
    pause_.expires_after(accept_pause);
    pause_.async_wait([this, turn = std::move(turn)](error_code failure) mutable {
      if (!failure)
        accept(std::move(turn));
    });
  }

  /// Waiting for a caller takes memory, too: without any, this thread tries until there is some.
  void accept_if_nobody_does() noexcept {
    while (!io_.stopped() && turn_lost_.exchange(false)) {
      try {
        accept(accept_turn(turn_lost_));
      } catch (...) {
        std::this_thread::sleep_for(accept_pause);
      }
    }
  }

  server_state state_;
  std::filesystem::path path_;
  std::atomic<bool> turn_lost_ = false;
  asio::io_context io_;                                             ///< after the state: connections end with it and still use that
  asio::executor_work_guard<asio::io_context::executor_type> work_; ///< it goes on when nothing waits in it
  stream_protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  std::unique_ptr<front_door> door_; ///< for processes of other machines
  std::vector<std::thread> threads_;
};

block_server::block_server(server_options options, storage::block_store& store)
    : impl_(std::make_unique<impl>(std::move(options), store)) {}
block_server::~block_server() = default;

address block_server::where() const {
  return impl_->where();
}

std::uint32_t block_server::connections() const noexcept {
  return impl_->state().connections.load(std::memory_order_relaxed);
}

std::uint64_t block_server::refused_inputs() const noexcept {
  return impl_->state().refused.load(std::memory_order_relaxed);
}

} // namespace salamander::actors::net
