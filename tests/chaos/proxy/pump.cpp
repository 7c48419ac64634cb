#include "proxy/pump.hpp"

#include <algorithm>

namespace chaos {

namespace asio = boost::asio;
using boost::system::error_code;

pump::pump(proxy_socket& from, proxy_socket& to, line_counts& counts, std::function<void(ending)> on_end)
    : from_(from), to_(to), counts_(counts), on_end_(std::move(on_end)), timer_(from.get_executor()) {}

void pump::start() {
  read();
}

void pump::stop() {
  stopped_ = true;
  timer_.cancel();
}

void pump::suffer(const line_fault& fault) {
  fault_ = fault;
  random_ = random_source(fault.seed);
  until_flip_ = fault.mode == line_mode::flip ? random_.below(2 * fault.bytes + 1) : 0;
  left_ = fault.bytes;
  timer_.cancel(); // what waited for the old fault goes on at once
  if (std::exchange(waiting_, false))
    forward();
}

void pump::read() {
  from_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code failure, std::size_t bytes) {
    if (self->stopped_)
      return;
    if (failure && failure != asio::error::eof)
      return self->end(ending::broken);
    self->ended_by_peer_ = failure == asio::error::eof;
    self->held_ = bytes;
    self->sent_ = 0;
    self->treated_ = false;
    self->forward();
  });
}

/// Bytes, or the end of the connection, wait to be passed on.
void pump::forward() {
  if (fault_.mode == line_mode::hold) {
    waiting_ = true;
    ++counts_.held;
    return;
  }
  if (ended_by_peer_)
    return end(ending::finished);
  if (!std::exchange(treated_, true)) {
    damage();
    if (fault_.mode == line_mode::delay) {
      ++counts_.delayed;
      return wait(&pump::forward);
    }
  }
  write();
}

void pump::damage() {
  if (fault_.mode == line_mode::flip) {
    for (; until_flip_ < held_; until_flip_ += 1 + random_.below(2 * fault_.bytes + 1)) {
      buffer_[until_flip_] = static_cast<char>(buffer_[until_flip_] ^ (1 << random_.below(8)));
      ++counts_.flipped_bits;
    }
    until_flip_ -= held_;
  } else if (fault_.mode == line_mode::truncate) {
    cut_ = held_ >= left_;
    held_ = std::min<std::size_t>(held_, left_);
    left_ -= held_;
  }
}

void pump::write() {
  auto piece = held_ - sent_;
  if (fault_.mode == line_mode::trickle)
    piece = std::min<std::size_t>(piece, std::max<std::uint64_t>(1, fault_.bytes));
  asio::async_write(to_, asio::buffer(buffer_.data() + sent_, piece), [self = shared_from_this()](error_code failure, std::size_t bytes) {
    if (self->stopped_)
      return;
    self->counts_.bytes += bytes;
    if (failure)
      return self->end(ending::broken);
    self->written(bytes);
  });
}

void pump::written(std::size_t bytes) {
  sent_ += bytes;
  if (cut_)
    return end(ending::truncated);
  if (fault_.mode != line_mode::trickle)
    return next();
  ++counts_.trickled;
  wait(&pump::next);
}

void pump::wait(void (pump::*then)()) {
  timer_.expires_after(fault_.pause);
  timer_.async_wait([self = shared_from_this(), then](error_code) {
    if (!self->stopped_)
      (self.get()->*then)();
  });
}

void pump::next() {
  if (sent_ < held_)
    forward();
  else
    read();
}

void pump::end(ending how) {
  stopped_ = true;
  if (how == ending::finished) {
    error_code ignored;
    to_.shutdown(proxy_socket::shutdown_send, ignored);
  }
  on_end_(how);
}

} // namespace chaos
