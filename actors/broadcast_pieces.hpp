// The pieces of broadcast values: cut on the driver, gathered by executors from the driver and from each other.
#pragma once

#include <salamander/rdd/block.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace salamander::actors {

class block_service;

inline constexpr std::size_t broadcast_piece_bytes = 4U << 20;

/// Puts the pieces of an encoded value into the store, for others to fetch.
void cut_broadcast(block_service& blocks, std::uint32_t broadcast, const core::byte_buffer& bytes);

/// Leaves, instead of the pieces, what to say to those who ask.
void bury_broadcast(block_service& blocks, std::uint32_t broadcast, const std::string& text);
void forget_grave(block_service& blocks, std::uint32_t broadcast);

/// Fetches what is missing of a value and keeps it in the store, where others of `peers` find it. In an order of this process's own,
/// so that executors which begin together soon have something for each other. Of several pieces each is asked of one peer first and
/// then of the driver, a single one the other way round; then of the others.
class broadcast_gathering {
public:
  broadcast_gathering(block_service& blocks, std::uint32_t broadcast, std::uint64_t bytes, std::span<const std::uint32_t> peers,
                      const std::atomic<bool>* cancelled);

  /// All pieces in a row. The caller has reserved the memory for a copy of them.
  /// Errors: errc::destroyed, errc::executor_lost, errc::out_of_memory, errc::internal, core::task_cancelled.
  std::shared_ptr<const core::byte_buffer> gather();

  std::uint64_t from_driver() const noexcept {
    return from_driver_;
  }
  std::uint64_t from_peers() const noexcept {
    return from_peers_;
  }

private:
  std::shared_ptr<const core::byte_buffer> piece(std::uint32_t number);
  std::shared_ptr<const core::byte_buffer> from_anywhere(std::uint32_t number);
  std::shared_ptr<const core::byte_buffer> ask(std::uint32_t holder, std::uint32_t number);
  void refuse_if_destroyed();
  std::size_t size_of(std::uint32_t number) const;

  block_service& blocks_;
  const std::uint32_t broadcast_;
  const std::uint64_t bytes_;
  const std::uint32_t pieces_;
  std::vector<std::uint32_t> peers_; ///< that have not been found gone
  const std::atomic<bool>* const cancelled_;
  std::uint64_t chance_;
  std::uint64_t from_driver_ = 0;
  std::uint64_t from_peers_ = 0;
  std::string last_problem_;
};

} // namespace salamander::actors
