// One connection of a block_server: what it was asked for and how far the answers are.
#pragma once

#include <salamander/actors/net/block_frames.hpp>
#include <salamander/actors/net/block_server.hpp>
#include <salamander/storage/crc32c.hpp>

#include <utility> // before Asio 1.74, which uses std::exchange without it

#include <boost/asio.hpp>

#include <atomic>

namespace salamander::actors::net {

namespace asio = boost::asio;
using byte_buffer = std::vector<std::byte>;
using boost::system::error_code;

/// Blocks up to this size are gathered, so that many small ones leave in one write.
inline constexpr std::size_t small_block_max = 64U << 10;
inline constexpr std::size_t gathered_bytes_max = 256U << 10;

struct server_state {
  server_options options;
  storage::block_store& store;
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint64_t> refused{0};
};

/// Bytes of one block on their way out.
class outgoing_block {
public:
  explicit outgoing_block(storage::memory_manager& memory) noexcept : memory_(memory) {}
  outgoing_block(const outgoing_block&) = delete;
  outgoing_block& operator=(const outgoing_block&) = delete;
  ~outgoing_block() {
    reset();
  }

  /// Bytes that the store holds and accounts for.
  void share(std::shared_ptr<const byte_buffer> bytes) noexcept {
    shared_ = std::move(bytes);
    left_ = *shared_;
  }
  /// Bytes made for this transfer; they stay where they are until reset.
  void lend(const byte_buffer& bytes) noexcept {
    left_ = bytes;
    accounted_ = bytes.capacity();
    memory_.acquire_always(storage::memory_use::blocks, accounted_);
  }
  void reset() noexcept {
    if (accounted_ != 0)
      memory_.release(storage::memory_use::blocks, accounted_);
    accounted_ = 0;
    left_ = {};
    shared_.reset();
  }

  bool done() const noexcept {
    return left_.empty();
  }
  std::span<const std::byte> next_chunk() noexcept {
    const auto chunk = left_.first(std::min<std::size_t>(chunk_bytes_max, left_.size()));
    left_ = left_.subspan(chunk.size());
    return chunk;
  }

private:
  storage::memory_manager& memory_;
  std::shared_ptr<const byte_buffer> shared_;
  std::span<const std::byte> left_;
  std::uint64_t accounted_ = 0;
};

/// One reader: a request, its answers, the next request. Every handler runs in the connection's strand.
template <class Stream>
class connection : public std::enable_shared_from_this<connection<Stream>> {
public:
  connection(server_state& server, Stream socket)
      : server_(server), socket_(std::move(socket)), stall_(socket_.get_executor()), large_(server.store.memory()) {
    server_.connections.fetch_add(1, std::memory_order_relaxed);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() {
    server_.connections.fetch_sub(1, std::memory_order_relaxed);
  }

  void await_request() {
    stall_.expires_at(std::chrono::steady_clock::time_point::max());
    asio::async_read(socket_, asio::buffer(header_), [self = this->shared_from_this()](error_code failure, std::size_t) {
      if (failure)
        return self->close();
      const auto info = read_header(self->header_);
      if (!info || (info->type != frame_type::request && info->type != frame_type::damaged))
        return self->refuse();
      self->asked_ = info->type;
      self->read_ids(info->length);
    });
  }

private:
  void read_ids(std::uint32_t length) {
    in_.resize(length);
    limit_stall();
    asio::async_read(socket_, asio::buffer(in_), [self = this->shared_from_this()](error_code failure, std::size_t) {
      if (failure)
        return self->close();
      auto ids = is_intact(self->header_, self->in_) ? read_request(self->in_) : std::nullopt;
      if (!ids)
        return self->refuse();
      if (self->asked_ == frame_type::damaged)
        return self->discard(*ids);
      self->ids_ = std::move(*ids);
      self->next_ = 0;
      self->answer();
    });
  }

  /// What arrived damaged twice is not served a third time.
  void discard(const std::vector<storage::block_id>& ids) {
    for (const auto& id : ids)
      server_.store.discard(id);
    stall_.cancel();
    await_request();
  }

  void answer() {
    try {
      out_.clear();
      large_.reset();
      while (next_ < ids_.size() && large_.done() && out_.size() < gathered_bytes_max) {
        append_answer(static_cast<std::uint32_t>(next_));
        ++next_;
      }
    } catch (...) {
      // No memory for the answer itself: the reader finds its connection closed and tries again.
      return close();
    }
    write(out_);
  }

  void append_answer(std::uint32_t index) {
    const auto found = server_.store.find(ids_[index]);
    if (!found)
      return append_index(out_, frame_type::not_found, index);
    if (!found->object)
      return append_index(out_, frame_type::empty, index);
    if (!found->encode)
      return append_held(index, *found);
    encoded_.clear();
    try {
      found->encode(found->object.get(), encoded_);
    } catch (const std::bad_alloc&) {
      return append_failed(out_, index, failed_reason::out_of_memory, ids_[index].text() + " could not be encoded: no memory");
    } catch (const std::exception& failure) {
      return append_failed(out_, index, failed_reason::not_encodable, ids_[index].text() + " could not be encoded: " + failure.what());
    } catch (...) {
      return append_failed(out_, index, failed_reason::not_encodable, ids_[index].text() + " could not be encoded");
    }
    append_block(index, nullptr, storage::crc32c(encoded_));
  }

  /// Bytes that the store has: damaged ones are as good as none.
  void append_held(std::uint32_t index, const storage::stored_block& found) {
    auto held = std::static_pointer_cast<const byte_buffer>(found.object);
    const auto checksum = storage::crc32c(*held);
    if (found.checksum && *found.checksum != checksum && server_.store.discard(ids_[index]))
      return append_index(out_, frame_type::not_found, index);
    append_block(index, std::move(held), found.checksum.value_or(checksum));
  }

  /// `held`: bytes that the store has; null: those in `encoded_`.
  void append_block(std::uint32_t index, std::shared_ptr<const byte_buffer> held, std::uint32_t checksum) {
    const auto& bytes = held ? *held : encoded_;
    append_found(out_, {index, bytes.size(), checksum});
    if (bytes.size() > small_block_max) {
      if (held)
        large_.share(std::move(held));
      else
        large_.lend(encoded_);
    } else if (!bytes.empty()) {
      const auto header = make_chunk_header(static_cast<std::uint32_t>(bytes.size()));
      out_.insert(out_.end(), header.begin(), header.end());
      out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
  }

  /// Sends `first` and the next chunk of the large block, if there is one.
  void write(std::span<const std::byte> first) {
    const auto chunk = large_.next_chunk();
    chunk_header_ = make_chunk_header(static_cast<std::uint32_t>(chunk.size()));
    const std::array buffers{asio::const_buffer(first.data(), first.size()),
                             asio::const_buffer(chunk_header_.data(), chunk.empty() ? 0 : chunk_header_.size()),
                             asio::const_buffer(chunk.data(), chunk.size())};
    limit_stall();
    asio::async_write(socket_, buffers, [self = this->shared_from_this()](error_code failure, std::size_t) {
      if (failure)
        return self->close();
      self->go_on();
    });
  }

  void go_on() {
    if (!large_.done()) {
      write({});
    } else if (next_ < ids_.size()) {
      answer();
    } else {
      // An idle connection holds next to nothing.
      large_.reset();
      if (encoded_.capacity() > gathered_bytes_max)
        encoded_ = {};
      await_request();
    }
  }

  void limit_stall() {
    stall_.expires_after(server_.options.stall_max);
    stall_.async_wait([self = this->shared_from_this()](error_code failure) {
      // An expiry that was moved after this handler was queued does not count.
      if (!failure && self->stall_.expiry() <= std::chrono::steady_clock::now())
        self->close();
    });
  }

  void refuse() {
    server_.refused.fetch_add(1, std::memory_order_relaxed);
    close();
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    stall_.cancel();
  }

  server_state& server_;
  Stream socket_;
  asio::steady_timer stall_;
  frame_type asked_ = frame_type::request;
  frame_header header_{};
  frame_header chunk_header_{};
  byte_buffer in_;
  byte_buffer out_;
  byte_buffer encoded_;
  outgoing_block large_;
  std::vector<storage::block_id> ids_;
  std::size_t next_ = 0;
};

} // namespace salamander::actors::net
