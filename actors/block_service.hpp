// The blocks of one process and of its peers, behind one door.
#pragma once

#include <salamander/actors/broadcast_values.hpp>
#include <salamander/actors/cache_claims.hpp>
#include <salamander/actors/contribution_box.hpp>
#include <salamander/actors/executor_runtime.hpp>
#include <salamander/actors/net/block_client.hpp>
#include <salamander/actors/recovery/kept_blocks.hpp>
#include <salamander/storage/block_store.hpp>

#include <atomic>
#include <memory>

namespace salamander::actors {

namespace net {
class block_server;
class peer_book;
} // namespace net

/// A typed block as the store keeps it, and back. A block without object is an empty one. Bytes get their checksum here.
storage::stored_block to_stored(std::shared_ptr<const core::block_object> object);
storage::stored_block to_stored(std::shared_ptr<const core::byte_buffer> bytes);
core::block to_block(const storage::stored_block& stored);
/// False: bytes that have changed since they were put there.
bool is_intact(const storage::stored_block& stored);
void encode_block_object(const void* object, core::byte_buffer& out);

/// Memory budget, block store and, when there is a socket directory, a server for peers and connections to them.
/// Threads: any. Errors of the constructor: errc::io_error when the socket cannot be made.
class block_service {
public:
  explicit block_service(const executor_options& options);
  block_service(const block_service&) = delete;
  block_service& operator=(const block_service&) = delete;
  ~block_service();

  storage::block_store& store() noexcept {
    return memory_->store;
  }
  std::uint32_t self() const noexcept {
    return self_;
  }
  bool has_peers() const noexcept {
    return client_ != nullptr;
  }

  /// Of this process, for others; port 0: on this machine only.
  peer_place place() const;
  /// Requires: `tls` and `host` were given; without any effect otherwise.
  void meet(const std::vector<peer_place>& peers);

  /// The block if this process holds it, else an empty one: also for bytes that have changed since they were put there, which go.
  core::block find_here(const storage::block_id& id);

  /// Fetches one block; `cancelled` and `spoiler` may be null. Errors: net::fetch_error, core::task_cancelled.
  core::block fetch(std::uint32_t peer, const storage::block_id& id, const std::atomic<bool>* cancelled,
                    net::block_spoiler* spoiler = nullptr);

  /// The same from one of several holders: what does not answer at once is given up, not tried again.
  core::block fetch_or_move_on(std::uint32_t peer, const storage::block_id& id, const std::atomic<bool>* cancelled);

  /// What is to be said about cached partitions before the next reports.
  contribution_box& contributions() noexcept {
    return contributions_;
  }

  /// Copies that lie in files.
  kept_blocks& kept() noexcept {
    return kept_;
  }
  /// Bytes that count as execution memory while somebody holds them. Errors: errc::out_of_memory.
  std::shared_ptr<const core::byte_buffer> account(std::shared_ptr<const core::byte_buffer> bytes);

  broadcast_values& broadcasts() noexcept {
    return broadcasts_;
  }

  /// Who computes which partition for the cache.
  cache_claims& claims() noexcept {
    return claims_;
  }

  /// For blocks that are moved here: takes free memory only. Requires: has_peers().
  net::block_client& taking_over_client() noexcept {
    return *taking_over_client_;
  }

  /// Requires: has_peers().
  net::block_client& client() noexcept {
    return *client_;
  }

private:
  /// Outlives this object while fetched bytes are accounted for.
  struct accounted_store {
    explicit accounted_store(std::uint64_t budget_bytes) : memory(budget_bytes), store(memory) {}
    storage::memory_manager memory;
    storage::block_store store;
  };

  std::uint32_t self_;
  cache_claims claims_;
  std::shared_ptr<accounted_store> memory_;
  contribution_box contributions_;
  kept_blocks kept_;
  broadcast_values broadcasts_{*this};
  std::shared_ptr<net::peer_book> book_; ///< null: all peers are on this machine
  std::unique_ptr<net::block_client> client_;
  std::unique_ptr<net::block_client> impatient_client_;
  std::unique_ptr<net::block_client> taking_over_client_;
  std::unique_ptr<net::block_server> server_;
};

} // namespace salamander::actors
