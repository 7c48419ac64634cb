// Idle connections of a block_client.
#pragma once

#include <salamander/actors/net/block_client.hpp>
#include <salamander/actors/net/block_line.hpp>

#include <mutex>
#include <unordered_map>

namespace salamander::actors::net {

/// Threads: any.
struct block_client::pool {
  using time_point = std::chrono::steady_clock::time_point;

  explicit pool(client_options what) : options(std::make_shared<const client_options>(std::move(what))) {}

  /// An idle connection, or none.
  block_line take(std::uint32_t peer);
  /// Now and then closes those whose peer has closed them: numbers of executors are never used again, and nobody else would find the
  /// connections to one that ended. Requires: no answers are outstanding.
  void give_back(std::uint32_t peer, block_line connection, time_point now);
  /// After a peer was found dead.
  void forget(std::uint32_t peer);
  /// Connections kept for later, to all peers.
  std::size_t idle() const;

  const std::shared_ptr<const client_options> options; ///< shared with fetched blocks, which give memory back

private:
  void close_ended(time_point now);

  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::vector<block_line>> idle_;
  time_point looked_{};
};

} // namespace salamander::actors::net
