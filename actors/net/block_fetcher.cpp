#include <salamander/actors/net/block_client.hpp>
#include <salamander/actors/net/block_pool.hpp>
#include <salamander/actors/net/block_stream.hpp>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include <poll.h>

namespace salamander::actors::net {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds cancel_check_interval{50};
constexpr milliseconds busy_retry_wait{5};
constexpr milliseconds connect_time_max{2000};
constexpr milliseconds retry_wait_max{2000};
constexpr milliseconds report_time_max{500};
constexpr int reads_per_turn = 16;

/// Received bytes with the memory they were accounted as.
struct accounted_bytes {
  accounted_bytes(byte_buffer&& from, std::uint64_t reserved, std::shared_ptr<const client_options> how)
      : bytes(std::move(from)), reserved_bytes(reserved), options(std::move(how)) {}
  accounted_bytes(const accounted_bytes&) = delete;
  accounted_bytes& operator=(const accounted_bytes&) = delete;
  ~accounted_bytes() {
    if (options->release_memory)
      options->release_memory(reserved_bytes);
  }
  const byte_buffer bytes;
  const std::uint64_t reserved_bytes;
  const std::shared_ptr<const client_options> options;
};

enum class stream_phase : std::uint8_t {
  closed,    ///< connects at `when`
  receiving, ///< waits for bytes
  parked,    ///< a block began that there is no room for yet
  finished,
};

struct peer_stream {
  std::uint32_t peer = 0;
  std::vector<std::size_t> wanted; ///< indices of requests, ascending
  std::size_t done = 0;            ///< how many of them were answered
  std::size_t asked_from = 0;      ///< of the current request
  std::size_t asked_to = 0;

  stream_phase phase = stream_phase::closed;
  block_line connection;
  bool reused = false; ///< the connection came from the pool and has not been heard of since
  std::vector<std::byte> out;
  std::size_t sent = 0;
  answer_reader in;
  std::uint64_t block_length = 0;
  std::uint64_t admitted = 0; ///< bytes of the current block that count as buffered

  std::uint32_t attempts = 0;
  std::uint32_t corruptions = 0;
  clock::time_point when{};
  clock::time_point connecting_since{};
  clock::time_point heard{};

  std::size_t next_request() const {
    return wanted[done];
  }
};

} // namespace

class block_fetcher::impl {
public:
  impl(block_client::pool& pool, std::vector<request> requests, const std::atomic<bool>* cancelled)
      : pool_(pool), options_(pool.options), requests_(std::move(requests)), cancelled_(cancelled), results_(requests_.size()) {
    std::unordered_map<std::uint32_t, peer_stream*> by_peer;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      auto& stream = by_peer[requests_[i].peer];
      if (!stream) {
        stream = &streams_.emplace_back();
        stream->peer = requests_[i].peer;
      }
      stream->wanted.push_back(i);
    }
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() {
    for (auto& stream : streams_)
      forget_block(stream);
  }

  std::shared_ptr<const byte_buffer> next() {
    if (turn_ == requests_.size())
      return nullptr;
    const auto start = clock::now();
    for (auto& stream : streams_)
      stream.heard = start;
    // One look at the sockets even when the block is there: peers go on while the caller works on it.
    for (auto wait = results_[turn_].here ? milliseconds(0) : cancel_check_interval;; wait = cancel_check_interval) {
      if (cancelled_ && cancelled_->load(std::memory_order_relaxed))
        throw fetch_cancelled();
      turn_over(wait);
      if (results_[turn_].here)
        break;
    }
    auto taken = std::move(results_[turn_++].bytes);
    if (taken)
      buffered_ -= taken->size();
    return taken;
  }

  std::uint64_t buffered() const noexcept {
    return buffered_;
  }

private:
  struct outcome {
    bool here = false;
    std::shared_ptr<const byte_buffer> bytes;
  };

  void turn_over(milliseconds wait) {
    const auto now = clock::now();
    polled_.clear();
    polled_streams_.clear();
    for (auto& stream : streams_) {
      if (stream.phase == stream_phase::closed && stream.when <= now)
        open(stream, now);
      if (stream.phase == stream_phase::parked && admit(stream)) {
        stream.heard = now;
        digest(stream, now);
      }
      if (stream.phase == stream_phase::closed)
        wait = std::min(wait, std::max(milliseconds(1), std::chrono::ceil<milliseconds>(stream.when - now)));
      if (stream.phase != stream_phase::receiving)
        continue;
      polled_.push_back({stream.connection.socket(), stream.connection.waits_for(stream.sent < stream.out.size()), 0});
      if (stream.connection.holds_bytes())
        wait = milliseconds(0);
      polled_streams_.push_back(&stream);
    }
    if (results_[turn_].here)
      wait = milliseconds(0);
    if (polled_.empty() && wait == milliseconds(0))
      return;
    ::poll(polled_.data(), polled_.size(), static_cast<int>(wait.count()));
    const auto after = clock::now();
    for (std::size_t i = 0; i < polled_.size(); ++i) {
      auto& stream = *polled_streams_[i];
      if (polled_[i].revents != 0 && stream.sent < stream.out.size())
        send(stream, after);
      if (stream.phase == stream_phase::receiving &&
          ((polled_[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0 || stream.connection.holds_bytes()))
        receive(stream, after);
      if (stream.phase == stream_phase::receiving && after - stream.heard > options_->silence_max)
        broken(stream, "it sent nothing for " + std::to_string(options_->silence_max.count()) + " ms", after);
    }
  }

  void open(peer_stream& stream, clock::time_point now) {
    if (stream.connecting_since == clock::time_point{})
      stream.connecting_since = now;
    stream.connection = pool_.take(stream.peer);
    stream.reused = static_cast<bool>(stream.connection);
    if (!stream.connection) {
      switch (stream.connection.connect(options_->directory, options_->peers.get(), stream.peer)) {
      case connect_outcome::connected:
        break;
      case connect_outcome::busy:
        if (now - stream.connecting_since > connect_time_max)
          return broken(stream, "it accepts no connections", now);
        stream.when = now + busy_retry_wait;
        return;
      case connect_outcome::absent:
        // Who holds blocks listens until its process ends, so there is nothing to wait for.
        throw error(fetch_problem::unreachable, stream, "nobody listens at its socket");
      case connect_outcome::stranger:
        throw error(fetch_problem::unreachable, stream, "its socket belongs to another user");
      }
    }
    stream.connecting_since = {};
    stream.in = {};
    stream.heard = now;
    stream.phase = stream_phase::receiving;
    ask(stream, now);
  }

  void ask(peer_stream& stream, clock::time_point now) {
    stream.asked_from = stream.done;
    stream.asked_to = std::min(stream.wanted.size(), stream.done + request_ids_max);
    std::vector<storage::block_id> ids;
    ids.reserve(stream.asked_to - stream.asked_from);
    for (auto i = stream.asked_from; i < stream.asked_to; ++i)
      ids.push_back(requests_[stream.wanted[i]].id);
    stream.out.clear();
    stream.sent = 0;
    append_request(stream.out, ids);
    send(stream, now);
  }

  void send(peer_stream& stream, clock::time_point now) {
    while (stream.sent < stream.out.size()) {
      std::size_t count = 0;
      switch (stream.connection.write(std::span<const std::byte>(stream.out).subspan(stream.sent), count)) {
      case block_line::progress::some:
        stream.sent += count;
        break;
      case block_line::progress::later:
        return;
      case block_line::progress::ended:
        return broken(stream, "it closed the connection", now);
      case block_line::progress::failed:
        return broken(stream, stream.connection.failure(), now);
      }
    }
  }

  void receive(peer_stream& stream, clock::time_point now) {
    for (int i = 0; i < reads_per_turn && stream.phase == stream_phase::receiving; ++i) {
      const auto room = stream.in.room();
      std::size_t count = 0;
      switch (stream.connection.read(room, count)) {
      case block_line::progress::some:
        break;
      case block_line::progress::later:
        return;
      case block_line::progress::ended:
        return broken(stream, "it closed the connection", now);
      case block_line::progress::failed:
        return broken(stream, stream.connection.failure(), now);
      }
      stream.heard = now;
      stream.reused = false;
      stream.in.filled(count);
      digest(stream, now);
    }
  }

  /// Takes all answers that are complete.
  void digest(peer_stream& stream, clock::time_point now) {
    stream.phase = stream_phase::receiving;
    while (stream.phase == stream_phase::receiving) {
      const auto event = stream.in.next();
      if (std::holds_alternative<answer_reader::more_needed>(event))
        return;
      if (const auto* problem = std::get_if<answer_reader::malformed>(&event))
        return broken(stream, std::string("it sent something else than an answer: ") + problem->why, now);
      if (const auto* begins = std::get_if<answer_reader::block_begins>(&event)) {
        if (!expected(stream, begins->index))
          return broken(stream, "it answered out of order", now);
        stream.block_length = begins->length;
        if (auto* const spoiler = requests_[stream.next_request()].spoiler;
            spoiler && spoiler->done < spoiler->times && begins->length != 0) {
          ++spoiler->done;
          stream.in.spoil(spoiler->noise);
        }
        stream.phase = stream_phase::parked;
        if (admit(stream))
          stream.phase = stream_phase::receiving;
      } else if (const auto* ends = std::get_if<answer_reader::block_ends>(&event)) {
        if (!ends->intact)
          return corrupt(stream, now);
        deliver(stream, now);
      } else {
        refused(stream, event, now);
      }
    }
  }

  void refused(peer_stream& stream, const answer_reader::event& event, clock::time_point now) {
    if (const auto* none = std::get_if<answer_reader::no_records>(&event)) {
      if (!expected(stream, none->index))
        return broken(stream, "it answered out of order", now);
      results_[stream.next_request()].here = true;
      return answered(stream, now);
    }
    if (const auto* missing = std::get_if<answer_reader::not_found>(&event)) {
      if (!expected(stream, missing->index))
        return broken(stream, "it answered out of order", now);
      throw error(fetch_problem::not_found, stream, "it does not hold the block");
    }
    const auto& failed = std::get<failed_frame>(event);
    if (!expected(stream, failed.index))
      return broken(stream, "it answered out of order", now);
    if (failed.reason == failed_reason::not_encodable)
      throw error(fetch_problem::not_encodable, stream, failed.text);
    broken(stream, failed.text, now);
  }

  static bool expected(const peer_stream& stream, std::uint32_t index) noexcept {
    return stream.done < stream.asked_to && index == stream.done - stream.asked_from;
  }

  /// Whether the block that begins may be read now. The one whose turn it is always may: the others wait for it.
  bool admit(peer_stream& stream) {
    const auto length = stream.block_length;
    const bool has_turn = stream.next_request() == turn_;
    if (!has_turn && (length > options_->bytes_in_flight_max || buffered_ > options_->bytes_in_flight_max - length))
      return false;
    if (options_->reserve_memory && !options_->reserve_memory(length)) {
      if (!has_turn)
        return false;
      throw error(fetch_problem::out_of_memory, stream,
                  "a block of " + std::to_string(length) +
                      " bytes does not fit the memory budget; use more partitions or give executors "
                      "more memory");
    }
    stream.admitted = length;
    buffered_ += length;
    return true;
  }

  void deliver(peer_stream& stream, clock::time_point now) {
    auto& result = results_[stream.next_request()];
    auto owner = std::make_shared<const accounted_bytes>(stream.in.take_block(), stream.admitted, options_);
    stream.admitted = 0;
    result.bytes = std::shared_ptr<const byte_buffer>(owner, &owner->bytes);
    result.here = true;
    answered(stream, now);
  }

  void answered(peer_stream& stream, clock::time_point now) {
    ++stream.done;
    stream.attempts = 0;
    stream.corruptions = 0;
    if (stream.done == stream.wanted.size()) {
      stream.phase = stream_phase::finished;
      if (stream.in.between_answers())
        pool_.give_back(stream.peer, std::move(stream.connection), now);
      stream.connection.reset();
    } else if (stream.done == stream.asked_to) {
      ask(stream, now);
    }
  }

  void forget_block(peer_stream& stream) noexcept {
    if (stream.admitted == 0)
      return;
    buffered_ -= stream.admitted;
    if (options_->release_memory)
      options_->release_memory(stream.admitted);
    stream.admitted = 0;
  }

  void corrupt(peer_stream& stream, clock::time_point now) {
    if (++stream.corruptions <= 1)
      return close(stream, now);
    report_damage(stream);
    throw error(fetch_problem::corrupt, stream, "its checksum was wrong twice");
  }

  /// Tells the holder not to serve this block again, so that another attempt at making it replaces it. Over a connection of its own:
  /// the one at hand may be full of answers. Nobody waits for it: the order to make the block again takes the longer way.
  void report_damage(const peer_stream& stream) const noexcept {
    try {
      block_line line;
      if (line.connect(options_->directory, options_->peers.get(), stream.peer) != connect_outcome::connected)
        return; // whoever gets the block next will say it again
      std::vector<std::byte> out;
      append_damaged(out, {&requests_[stream.next_request()].id, 1});
      const auto deadline = clock::now() + report_time_max;
      for (std::size_t sent = 0, count = 0; sent < out.size() && clock::now() < deadline; sent += count) {
        const auto progress = line.write(std::span<const std::byte>(out).subspan(sent), count);
        if (progress == block_line::progress::ended || progress == block_line::progress::failed)
          return;
        pollfd ready{line.socket(), line.waits_for(true), 0};
        if (progress == block_line::progress::later)
          ::poll(&ready, 1, static_cast<int>(cancel_check_interval.count()));
      }
    } catch (const std::exception&) {
      return; // no memory for it
    }
  }

  void broken(peer_stream& stream, const std::string& why, clock::time_point now) {
    const bool stale = std::exchange(stream.reused, false);
    close(stream, now);
    if (stale) {
      // The peer may have closed idle connections; that says nothing about the peer.
      pool_.forget(stream.peer);
      return;
    }
    if (++stream.attempts >= options_->attempts_max)
      throw error(fetch_problem::unreachable, stream, why + " (" + std::to_string(stream.attempts) + " attempts)");
    stream.when = now + std::min(options_->retry_wait * (1U << std::min(stream.attempts - 1, 10U)), retry_wait_max);
  }

  void close(peer_stream& stream, clock::time_point now) {
    forget_block(stream);
    stream.connection.reset();
    stream.phase = stream_phase::closed;
    stream.when = now;
    stream.connecting_since = {};
  }

  fetch_error error(fetch_problem problem, const peer_stream& stream, const std::string& why) const {
    const auto index = stream.next_request();
    const auto peer = socket_path({}, stream.peer).stem().string();
    return {problem, index, requests_[index].id.text() + " could not be fetched from " + peer + ": " + why};
  }

  block_client::pool& pool_;
  const std::shared_ptr<const client_options> options_;
  const std::vector<request> requests_;
  const std::atomic<bool>* const cancelled_;
  std::vector<outcome> results_;
  std::deque<peer_stream> streams_;
  std::vector<pollfd> polled_;
  std::vector<peer_stream*> polled_streams_;
  std::size_t turn_ = 0;
  std::uint64_t buffered_ = 0;
};

block_fetcher::block_fetcher(block_client& client, std::vector<request> requests, const std::atomic<bool>* cancelled)
    : impl_(std::make_unique<impl>(*client.pool_, std::move(requests), cancelled)) {}
block_fetcher::~block_fetcher() = default;

std::shared_ptr<const byte_buffer> block_fetcher::next() {
  return impl_->next();
}

std::uint64_t block_fetcher::buffered_bytes() const noexcept {
  return impl_->buffered();
}

} // namespace salamander::actors::net
