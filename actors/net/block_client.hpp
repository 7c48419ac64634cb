// The asking side of block transfer: fetches blocks of other processes on the thread that needs them.
#pragma once

#include <salamander/storage/block_id.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace salamander::actors::net {

using byte_buffer = std::vector<std::byte>;
class peer_book;

struct client_options {
  std::filesystem::path directory;                   ///< of the sockets, see block_socket.hpp
  std::shared_ptr<const peer_book> peers = {};       ///< of other machines; null: there are none
  std::uint64_t bytes_in_flight_max = 48ULL << 20;   ///< buffered by one fetcher; one block may be larger than this
  std::uint32_t attempts_max = 3;                    ///< without one whole block in between
  std::chrono::milliseconds retry_wait{100};         ///< doubled after each attempt, at most 2 s
  std::chrono::milliseconds silence_max{10000};      ///< how long a peer may send nothing while somebody waits for it
  std::function<bool(std::uint64_t)> reserve_memory; ///< for bytes received; null: not accounted
  std::function<void(std::uint64_t)> release_memory; ///< called when a fetched block is destroyed, perhaps after the client
};

enum class fetch_problem : std::uint8_t {
  unreachable,   ///< no connection, silence, or the connection ended, as often as is allowed
  not_found,     ///< the peer does not hold the block
  corrupt,       ///< the checksum was wrong twice; the peer was told to drop the block
  not_encodable, ///< the records' own packing code failed at the peer
  out_of_memory, ///< the block does not fit the memory budget of this process
};

/// A block could not be had. Never more than one per fetcher: it is unusable afterwards.
struct fetch_error : std::runtime_error {
  fetch_error(fetch_problem what, std::size_t which, const std::string& text) : std::runtime_error(text), problem(what), index(which) {}
  fetch_problem problem;
  std::size_t index; ///< of the request
};

/// The fetch was given up because the caller's flag said so.
struct fetch_cancelled : std::exception {
  const char* what() const noexcept override {
    return "the fetch was cancelled";
  }
};

/// Injected faults: a bit of a block changes on its way, so that its checksum must find it.
struct block_spoiler {
  std::uint32_t times = 0; ///< so often in a row, that is at so many attempts
  std::uint32_t noise = 0; ///< chooses the bit
  std::uint32_t done = 0;
};

/// Connections to peers that are open and idle. Threads: any.
class block_client {
public:
  explicit block_client(client_options options);
  block_client(const block_client&) = delete;
  block_client& operator=(const block_client&) = delete;
  ~block_client();

  const client_options& options() const noexcept;

  struct pool;

private:
  friend class block_fetcher;
  std::unique_ptr<pool> pool_;
};

/// Fetches a list of blocks, several peers at a time, and hands them out in the order of the list.
/// It works on the calling thread, inside next() only: sockets hold what arrives meanwhile, which is also the back-pressure. Blocks
/// that come before their turn are buffered up to the limit; the one whose turn it is may always be read.
/// Threads: one. Faults: broken connections and wrong checksums are tried again, see client_options.
class block_fetcher {
public:
  struct request {
    storage::block_id id;
    std::uint32_t peer = 0;
    block_spoiler* spoiler = nullptr; ///< outlives the fetcher; null: the block comes as it is
  };

  /// `cancelled` may be null; otherwise it is looked at at least every 50 ms and must outlive the fetcher.
  block_fetcher(block_client& client, std::vector<request> requests, const std::atomic<bool>* cancelled);
  block_fetcher(const block_fetcher&) = delete;
  block_fetcher& operator=(const block_fetcher&) = delete;
  ~block_fetcher();

  /// The next block, once per request; null when it has no records. Errors: fetch_error, fetch_cancelled.
  std::shared_ptr<const byte_buffer> next();

  /// Bytes received or being received and not handed out; never above the limit but for one block.
  std::uint64_t buffered_bytes() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors::net
