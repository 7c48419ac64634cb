// The broadcast values of one process, each made once and shared by its tasks.
#pragma once

#include <salamander/rdd/block.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace salamander::actors {

class block_service;

/// A value travels as pieces, which lie in the block store of whoever has them and are served from there: the driver has them all from
/// the start, an executor those that it has fetched.
/// Threads: any. Limits: the last `destroyed_max` destroyed values are told apart from such as never existed.
class broadcast_values {
public:
  using value = std::shared_ptr<const core::block_object>;
  using decoder = value (*)(const core::byte_buffer&);

  static constexpr std::size_t destroyed_max = 10000;

  explicit broadcast_values(block_service& blocks) : blocks_(blocks) {}
  broadcast_values(const broadcast_values&) = delete;
  broadcast_values& operator=(const broadcast_values&) = delete;

  /// On the driver: tasks may ask from now on. Returns 1 + encoded bytes; 0: tasks run in this process and share `what`.
  /// Errors: what encoding throws.
  std::uint64_t put(std::uint32_t broadcast, value what);

  /// The value, from here or put together of its pieces. Of several tasks that ask one fetches, and the others wait.
  /// `peers`: executors that may have pieces. `cancelled` may be null.
  /// Errors: errc::destroyed, errc::executor_lost (nobody has a piece), errc::out_of_memory, errc::internal (there was no such value),
  /// core::task_cancelled; what decoding throws.
  value get(std::uint32_t broadcast, std::uint64_t size, decoder decode, std::span<const std::uint32_t> peers,
            const std::atomic<bool>* cancelled);

  /// Drops this process's copy. Whoever has it keeps it. `destroyed`: for good, also what the driver has, and this is what to say.
  void drop(std::uint32_t broadcast, const std::optional<std::string>& destroyed);

  /// Drops everything; tasks that have a value keep it. No other may ask any more.
  void clear();

  /// Pieces that came from each kind of holder so far.
  struct counts {
    std::uint64_t from_driver = 0;
    std::uint64_t from_peers = 0;
  };
  counts fetched() const;

private:
  struct entry {
    value what;           ///< null: being fetched
    bool dropped = false; ///< while it was being fetched
  };

  /// The driver's own pieces, or objects in local mode, are no copies.
  bool is_source() const;
  [[noreturn]] void refuse(std::uint32_t broadcast) const;
  void remember(std::uint32_t broadcast, const std::string& text);
  value fetch(std::uint32_t broadcast, std::uint64_t bytes, decoder decode, std::span<const std::uint32_t> peers,
              const std::atomic<bool>* cancelled);
  void finish(std::uint32_t broadcast, value fetched);

  block_service& blocks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<std::uint32_t, entry> entries_;
  std::unordered_set<std::uint32_t> cut_; ///< values of which pieces may be here for others
  std::unordered_map<std::uint32_t, std::string> destroyed_;
  std::deque<std::uint32_t> destroyed_order_;
  counts fetched_;
};

} // namespace salamander::actors
