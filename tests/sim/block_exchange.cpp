#include "block_exchange.hpp"

#include <salamander/storage/crc32c.hpp>

#include <algorithm>

namespace salamander::sim {

namespace net = actors::net;
using storage::block_id;

namespace {

/// Follows one change of one bit to its end.
class corruption_mark {
public:
  explicit corruption_mark(std::shared_ptr<corruption_counts> counts) : counts_(std::move(counts)) {
    ++counts_->injected;
    ++counts_->on_the_way;
  }
  corruption_mark(const corruption_mark&) = delete;
  corruption_mark& operator=(const corruption_mark&) = delete;
  ~corruption_mark() {
    end(counts_->not_read);
  }
  void refuse() {
    end(counts_->refused);
  }
  void accept() {
    end(counts_->accepted);
  }

private:
  void end(std::uint64_t& how) {
    if (std::exchange(decided_, true))
      return;
    ++how;
    --counts_->on_the_way;
  }

  std::shared_ptr<corruption_counts> counts_;
  bool decided_ = false;
};
using mark_ptr = std::shared_ptr<corruption_mark>;

void flip(byte_buffer& bytes, random_stream& random) {
  const auto at = random.below(bytes.size());
  bytes[at] ^= static_cast<std::byte>(1U << random.below(8));
}

} // namespace

class block_exchange::fetch : public std::enable_shared_from_this<fetch> {
public:
  fetch(block_exchange& all, process reader, std::vector<request> requests, std::function<void(blocks)> done,
        std::function<void(failure)> failed)
      : all_(all), reader_(reader), requests_(std::move(requests)), done_(std::move(done)), failed_(std::move(failed)),
        results_(requests_.size()) {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      const auto at = std::find_if(streams_.begin(), streams_.end(), [&](const auto& one) { return one.peer == requests_[i].peer; });
      auto& to = at == streams_.end() ? streams_.emplace_back() : *at;
      to.peer = requests_[i].peer;
      to.wanted.push_back(i);
    }
  }

  void begin() {
    for (std::size_t i = 0; i < streams_.size(); ++i)
      open(i);
  }

  void reset(process which) {
    for (std::size_t i = 0; i < streams_.size(); ++i)
      if (!over_ && streams_[i].in && (reader_ == which || streams_[i].peer == which))
        later(i, duration::zero(), [](fetch& self, std::size_t at) { self.broken(at, "the connection was reset"); });
  }

private:
  /// What is wanted from one peer, and how far it has come.
  struct stream {
    process peer = 0;
    std::vector<std::size_t> wanted;
    std::size_t done = 0;
    std::size_t asked_from = 0;
    std::uint32_t connection = 0; ///< counts; what belongs to an earlier one is not looked at
    std::uint32_t attempts = 0;
    std::uint32_t corruptions = 0;
    time_point heard;
    std::unique_ptr<answer_reader> in; ///< while connected
    mark_ptr mark;                     ///< of the answer that is being read
  };

  /// In the reader's turn, if this connection of the stream still is.
  template <class F>
  void later(std::size_t at, duration delay, F&& what) {
    all_.queue_.after(delay, reader_, [self = weak_from_this(), at, connection = streams_[at].connection, what = std::forward<F>(what)] {
      if (const auto me = self.lock(); me && !me->over_ && me->streams_[at].connection == connection)
        what(*me, at);
    });
  }

  void open(std::size_t at) {
    auto& one = streams_[at];
    ++one.connection;
    one.in = all_.take_reader();
    one.asked_from = one.done;
    one.heard = all_.queue_.now();
    std::vector<block_id> ids;
    for (auto i = one.done; i < one.wanted.size() && ids.size() < net::request_ids_max; ++i)
      ids.push_back(requests_[one.wanted[i]].id);
    auto bytes = std::make_shared<byte_buffer>();
    net::append_request(*bytes, ids);
    mark_ptr mark;
    if (all_.net_.corrupts(reader_, one.peer)) {
      mark = std::make_shared<corruption_mark>(all_.corruption_);
      flip(*bytes, all_.net_.random());
    }
    watch(at);
    if (all_.queue_.ended(one.peer) || !all_.stores_(one.peer))
      return later(at, std::chrono::microseconds(100), [](fetch& self, std::size_t i) { self.broken(i, "nobody listens at its socket"); });
    all_.net_.stream(reader_, one.peer, [self = weak_from_this(), at, connection = one.connection, bytes, mark] {
      if (const auto me = self.lock())
        me->serve(at, connection, *bytes, mark);
    });
  }

  /// In the peer's turn.
  void serve(std::size_t at, std::uint32_t connection, std::span<const std::byte> request, const mark_ptr& changed) {
    const auto peer = streams_[at].peer;
    auto answer = all_.answer(peer, request);
    if (changed)
      answer ? changed->accept() : changed->refuse();
    if (!answer) {
      all_.net_.stream(peer, reader_, [self = weak_from_this(), at, connection] {
        if (const auto me = self.lock(); me && !me->over_ && me->streams_[at].connection == connection)
          me->broken(at, "it closed the connection");
      });
      return;
    }
    mark_ptr mark;
    if (!answer->empty() && all_.net_.corrupts(peer, reader_)) {
      mark = std::make_shared<corruption_mark>(all_.corruption_);
      flip(*answer, all_.net_.random());
    }
    // In two pieces, so that a connection may end between them.
    const auto bytes = std::make_shared<const byte_buffer>(std::move(*answer));
    const auto half = all_.net_.random().below(bytes->size() + 1);
    send(at, connection, bytes, 0, half, mark);
    send(at, connection, bytes, half, bytes->size(), mark);
  }

  void send(std::size_t at, std::uint32_t connection, const std::shared_ptr<const byte_buffer>& bytes, std::size_t from, std::size_t to,
            const mark_ptr& mark) {
    all_.net_.stream(streams_[at].peer, reader_, [self = weak_from_this(), at, connection, bytes, from, to, mark] {
      if (const auto me = self.lock(); me && !me->over_ && me->streams_[at].connection == connection)
        me->receive(at, std::span(*bytes).subspan(from, to - from), mark);
    });
  }

  void receive(std::size_t at, std::span<const std::byte> bytes, const mark_ptr& mark) {
    auto& one = streams_[at];
    one.mark = mark;
    one.heard = all_.queue_.now();
    while (!bytes.empty()) {
      const auto room = one.in->room();
      const auto taken = std::min(room.size(), bytes.size());
      std::copy_n(bytes.begin(), taken, room.begin());
      bytes = bytes.subspan(taken);
      one.in->filled(taken);
      if (!digest(at))
        return;
    }
  }

  void watch(std::size_t at) {
    const auto quiet_at = streams_[at].heard + all_.limits_.silence_max;
    later(at, quiet_at - all_.queue_.now(), [](fetch& self, std::size_t i) {
      if (self.all_.queue_.now() - self.streams_[i].heard >= self.all_.limits_.silence_max)
        self.broken(i, "it sent nothing for too long");
      else
        self.watch(i);
    });
  }

  /// Takes all answers that are complete. False: nothing more is to be read of this connection.
  bool digest(std::size_t at) {
    auto& one = streams_[at];
    for (;;) {
      const auto event = one.in->next();
      if (std::holds_alternative<answer_reader::more_needed>(event))
        return true;
      if (const auto* problem = std::get_if<answer_reader::malformed>(&event))
        return broken(at, std::string("it sent something else than an answer: ") + problem->why);
      const auto number = one.done - one.asked_from;
      if (const auto* begins = std::get_if<answer_reader::block_begins>(&event)) {
        if (begins->index != number)
          return broken(at, "it answered out of order");
      } else if (const auto* ends = std::get_if<answer_reader::block_ends>(&event)) {
        if (!ends->intact)
          return corrupt(at);
        results_[one.wanted[one.done]] = std::make_shared<const byte_buffer>(one.in->take_block());
        ++all_.fetched_;
        if (!answered(at))
          return false;
      } else if (const auto* none = std::get_if<answer_reader::no_records>(&event)) {
        if (none->index != number)
          return broken(at, "it answered out of order");
        if (!answered(at))
          return false;
      } else if (const auto* missing = std::get_if<answer_reader::not_found>(&event)) {
        if (missing->index != number)
          return broken(at, "it answered out of order");
        return fail(at, problem::not_found, "it does not hold the block");
      } else {
        return broken(at, std::get<net::failed_frame>(event).text);
      }
    }
  }

  bool answered(std::size_t at) {
    auto& one = streams_[at];
    ++one.done;
    one.attempts = 0;
    one.corruptions = 0;
    if (one.done < one.wanted.size())
      return true;
    if (one.mark)
      one.mark->accept();
    if (one.in->between_answers())
      all_.give_back(std::move(one.in));
    close(at);
    if (!std::all_of(streams_.begin(), streams_.end(), [](const stream& each) { return each.done == each.wanted.size(); }))
      return false;
    over_ = true;
    done_(std::move(results_));
    return false;
  }

  void close(std::size_t at) {
    auto& one = streams_[at];
    ++one.connection;
    one.in.reset();
    one.mark.reset();
  }

  bool corrupt(std::size_t at) {
    auto& one = streams_[at];
    if (one.mark)
      one.mark->refuse();
    if (++one.corruptions > 1) {
      report_damage(one);
      return fail(at, problem::corrupt, "its checksum was wrong twice");
    }
    close(at);
    open(at);
    return false;
  }

  /// The holder shall not serve that block again.
  void report_damage(const stream& of) {
    byte_buffer bytes;
    net::append_damaged(bytes, {&requests_[of.wanted[of.done]].id, 1});
    all_.net_.stream(reader_, of.peer, [&all = all_, peer = of.peer, bytes = std::move(bytes)] { all.discard(peer, bytes); });
  }

  bool broken(std::size_t at, const std::string& why) {
    auto& one = streams_[at];
    if (one.mark)
      one.mark->refuse();
    close(at);
    if (++one.attempts >= all_.limits_.attempts_max)
      return fail(at, problem::unreachable, why + " (" + std::to_string(one.attempts) + " attempts)");
    later(at, all_.limits_.retry_wait * (1U << std::min(one.attempts - 1, 4U)), [](fetch& self, std::size_t i) { self.open(i); });
    return false;
  }

  bool fail(std::size_t at, problem why, const std::string& text) {
    const auto index = streams_[at].wanted[streams_[at].done];
    over_ = true;
    failed_({why, index, requests_[index].id.text() + " could not be fetched: " + text});
    return false;
  }

  block_exchange& all_;
  process reader_;
  std::vector<request> requests_;
  std::function<void(blocks)> done_;
  std::function<void(failure)> failed_;
  blocks results_;
  std::vector<stream> streams_;
  bool over_ = false;
};

std::shared_ptr<block_exchange::fetch> block_exchange::start(process reader, std::vector<request> requests,
                                                             std::function<void(blocks)> done, std::function<void(failure)> failed) {
  auto made = std::make_shared<fetch>(*this, reader, std::move(requests), std::move(done), std::move(failed));
  std::erase_if(active_, [](const auto& one) { return one.expired(); });
  active_.push_back(made);
  made->begin();
  return made;
}

void block_exchange::reset(process which) {
  for (const auto& one : active_)
    if (const auto each = one.lock())
      each->reset(which);
}

std::size_t block_exchange::active() {
  std::erase_if(active_, [](const auto& one) { return one.expired(); });
  return active_.size();
}

std::optional<byte_buffer> block_exchange::answer(process server, std::span<const std::byte> asked) {
  const auto header = asked.first(net::frame_header_bytes);
  const auto payload = asked.subspan(net::frame_header_bytes);
  const auto info = net::read_header(header);
  if (!info || info->type != net::frame_type::request || info->length != payload.size() || !net::is_intact(header, payload))
    return std::nullopt;
  const auto ids = net::read_request(payload);
  auto* const store = stores_(server);
  if (!ids || !store)
    return std::nullopt;
  byte_buffer out;
  for (std::uint32_t i = 0; i < ids->size(); ++i) {
    const auto found = store->find((*ids)[i]);
    if (!found || !found->object) {
      net::append_index(out, found ? net::frame_type::empty : net::frame_type::not_found, i);
      continue;
    }
    byte_buffer encoded;
    if (found->encode)
      found->encode(found->object.get(), encoded);
    else
      encoded = *static_cast<const byte_buffer*>(found->object.get());
    const auto checksum = storage::crc32c(encoded);
    if (found->checksum && *found->checksum != checksum && store->discard((*ids)[i])) {
      net::append_index(out, net::frame_type::not_found, i);
      continue;
    }
    net::append_found(out, {i, encoded.size(), found->checksum.value_or(checksum)});
    const auto chunk = net::make_chunk_header(static_cast<std::uint32_t>(encoded.size()));
    out.insert(out.end(), chunk.begin(), chunk.end());
    out.insert(out.end(), encoded.begin(), encoded.end());
  }
  return out;
}

void block_exchange::discard(process server, std::span<const std::byte> damaged) {
  const auto ids = net::read_request(damaged.subspan(net::frame_header_bytes));
  auto* const store = stores_(server);
  for (std::size_t i = 0; store && ids && i < ids->size(); ++i)
    store->discard((*ids)[i]);
}

std::unique_ptr<block_exchange::answer_reader> block_exchange::take_reader() {
  if (idle_readers_.empty())
    return std::make_unique<answer_reader>();
  auto one = std::move(idle_readers_.back());
  idle_readers_.pop_back();
  return one;
}

void block_exchange::give_back(std::unique_ptr<answer_reader> reader) {
  idle_readers_.push_back(std::move(reader));
}

} // namespace salamander::sim
