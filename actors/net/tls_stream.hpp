// An established TLS session as a stream of Asio's: reads and writes that wait for the socket.
#pragma once

#include <salamander/actors/net/tls.hpp>

#include <utility> // before Asio 1.74, which uses std::exchange without it

#include <boost/asio.hpp>

#include <algorithm>
#include <cstring>

namespace salamander::actors::net {

/// One operation at a time, in either direction. Threads: those of its executor, which runs one handler at a time.
class tls_stream {
public:
  using socket_type = boost::asio::posix::stream_descriptor;
  using executor_type = socket_type::executor_type;
  using error_code = boost::system::error_code;

  /// Errors: boost::system::system_error when the socket cannot be watched.
  template <class Executor>
  tls_stream(const Executor& executor, std::unique_ptr<tls_session> session) : socket_(executor), session_(std::move(session)) {
    socket_.assign(session_->socket());
    session_->lend_socket();
  }

  executor_type get_executor() {
    return socket_.get_executor();
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    const boost::asio::mutable_buffer first = *boost::asio::buffer_sequence_begin(buffers);
    start([into = std::span(static_cast<std::byte*>(first.data()), first.size())](tls_session& session,
                                                                                  std::size_t& count) { return session.read(into, count); },
          std::forward<Handler>(handler));
  }

  /// Small buffers are gathered: each write makes a record of its own.
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    auto next = boost::asio::buffer_sequence_begin(buffers);
    const auto end = boost::asio::buffer_sequence_end(buffers);
    boost::asio::const_buffer first = *next;
    while (first.size() == 0 && ++next != end)
      first = *next;
    std::span<const std::byte> out(static_cast<const std::byte*>(first.data()), first.size());
    if (out.size() < record_bytes_max) {
      gathered_.clear();
      for (; next != end && gathered_.size() < record_bytes_max; ++next) {
        const boost::asio::const_buffer one = *next;
        const auto* const begin = static_cast<const std::byte*>(one.data());
        gathered_.insert(gathered_.end(), begin, begin + std::min(one.size(), record_bytes_max - gathered_.size()));
      }
      out = gathered_;
    }
    start([out](tls_session& session, std::size_t& count) { return session.write(out, count); }, std::forward<Handler>(handler));
  }

  void close(error_code& failure) {
    socket_.close(failure);
  }

private:
  static constexpr std::size_t record_bytes_max = 16U << 10;

  template <class Attempt, class Handler>
  struct operation {
    tls_stream& stream;
    Attempt attempt;
    Handler handler;

    void operator()(error_code failure) {
      std::size_t count = 0;
      if (!failure) {
        switch (attempt(*stream.session_, count)) {
        case tls_outcome::done:
          break;
        case tls_outcome::want_read:
          return stream.socket_.async_wait(socket_type::wait_read, std::move(*this));
        case tls_outcome::want_write:
          return stream.socket_.async_wait(socket_type::wait_write, std::move(*this));
        case tls_outcome::closed:
          failure = boost::asio::error::eof;
          break;
        case tls_outcome::failed:
          failure = boost::asio::error::connection_reset;
          break;
        }
      }
      handler(failure, count);
    }
  };

  template <class Attempt, class Handler>
  void start(Attempt attempt, Handler&& handler) {
    operation<Attempt, std::decay_t<Handler>> first{*this, std::move(attempt), std::forward<Handler>(handler)};
    boost::asio::post(socket_.get_executor(), [first = std::move(first)]() mutable { first(error_code()); });
  }

  socket_type socket_;
  std::unique_ptr<tls_session> session_;
  std::vector<std::byte> gathered_;
};

} // namespace salamander::actors::net
