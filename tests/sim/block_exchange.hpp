// Blocks between simulated processes: the frames of actors/net as they are, over links that cut, stall and flip bits.
#pragma once

#include "network.hpp"
#include "record.hpp"

#include <salamander/actors/net/block_frames.hpp>
#include <salamander/actors/net/block_stream.hpp>

#include <functional>
#include <memory>
#include <string>

namespace salamander::sim {

/// What has been done to blocks on their way, and what became of it.
struct corruption_counts {
  std::uint64_t injected = 0; ///< answers and requests that were changed
  std::uint64_t refused = 0;  ///< and were seen to be wrong, by a checksum or because they made no sense
  std::uint64_t not_read = 0; ///< and were not read to the end by anybody
  std::uint64_t on_the_way = 0;
  std::uint64_t accepted = 0; ///< and were taken for right: never
};

/// All block transfers of one run. Threads: use from one thread.
class block_exchange {
public:
  using process = event_queue::process;
  struct request {
    storage::block_id id;
    process peer = 0;
  };
  struct limits {
    std::uint32_t attempts_max = 3; ///< of one peer, without one whole answer in between
    duration retry_wait = std::chrono::milliseconds(100);
    duration silence_max = std::chrono::seconds(2);
  };
  enum class problem : std::uint8_t { unreachable, not_found, corrupt };
  struct failure {
    problem why = problem::unreachable;
    std::size_t index = 0; ///< of the request
    std::string text;
  };
  /// Null: a block without records.
  using blocks = std::vector<std::shared_ptr<const byte_buffer>>;
  /// Where the blocks of a process are; null while it does not serve any.
  using store_lookup = std::function<storage::block_store*(process)>;

  /// One reader's list of blocks. Dropping it ends it.
  class fetch;

  block_exchange(event_queue& queue, network& net, limits bounds, store_lookup stores)
      : queue_(queue), net_(net), limits_(bounds), stores_(std::move(stores)) {}

  /// Fetches all, then calls one of the two, once, in the reader's turn.
  std::shared_ptr<fetch> start(process reader, std::vector<request> requests, std::function<void(blocks)> done,
                               std::function<void(failure)> failed);

  /// The connections of a process break.
  void reset(process which);

  const corruption_counts& corruption() const noexcept {
    return *corruption_;
  }
  std::uint64_t fetched() const noexcept {
    return fetched_;
  }
  std::size_t active();

private:
  using answer_reader = actors::net::answer_reader;

  /// The answer, or nothing when the request makes no sense.
  std::optional<byte_buffer> answer(process server, std::span<const std::byte> asked);
  /// A reader found these damaged.
  void discard(process server, std::span<const std::byte> damaged);
  std::unique_ptr<answer_reader> take_reader();
  void give_back(std::unique_ptr<answer_reader> reader);

  event_queue& queue_;
  network& net_;
  limits limits_;
  store_lookup stores_;
  std::shared_ptr<corruption_counts> corruption_ = std::make_shared<corruption_counts>();
  std::uint64_t fetched_ = 0;
  std::vector<std::weak_ptr<fetch>> active_;
  std::vector<std::unique_ptr<answer_reader>> idle_readers_; ///< each has a buffer worth keeping
};

} // namespace salamander::sim
