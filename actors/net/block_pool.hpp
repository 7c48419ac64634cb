// Idle connections of a block_client.
#pragma once

#include <salamander/actors/net/block_client.hpp>
#include <salamander/actors/net/block_socket.hpp>

#include <mutex>
#include <unordered_map>

namespace salamander::actors::net {

/// Threads: any.
struct block_client::pool {
  explicit pool(client_options what) : options(std::make_shared<const client_options>(std::move(what))) {}

  /// An idle connection, or none.
  unique_fd take(std::uint32_t peer);
  /// Requires: no answers are outstanding.
  void give_back(std::uint32_t peer, unique_fd connection);
  /// After a peer was found dead.
  void forget(std::uint32_t peer);

  const std::shared_ptr<const client_options> options; ///< shared with fetched blocks, which give memory back

private:
  std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::vector<unique_fd>> idle_;
};

} // namespace salamander::actors::net
