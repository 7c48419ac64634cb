#include <salamander/actors/broadcast_values.hpp>

#include <salamander/actors/block_service.hpp>
#include <salamander/actors/broadcast_pieces.hpp>
#include <salamander/rdd/error.hpp>

namespace salamander::actors {
namespace {

/// A value with the memory that was reserved for it.
struct accounted_value {
  accounted_value(block_service& blocks, std::uint64_t reserved) : store(blocks.store()), bytes(reserved) {}
  accounted_value(const accounted_value&) = delete;
  accounted_value& operator=(const accounted_value&) = delete;
  ~accounted_value() {
    what.reset();
    store.release(bytes);
  }
  storage::block_store& store;
  std::uint64_t bytes;
  broadcast_values::value what;
};

[[noreturn]] void no_room(std::uint32_t broadcast, std::uint64_t bytes) {
  core::throw_error(errc::out_of_memory, "broadcast value " + std::to_string(broadcast) + " needs " + std::to_string(bytes) +
                                             " more bytes for its object, and the memory budget has no more; raise "
                                             "salamander.executor.memory, or join with a dataset instead");
}

} // namespace

bool broadcast_values::is_source() const {
  return !blocks_.has_peers() || blocks_.self() == driver_peer;
}

std::uint64_t broadcast_values::put(std::uint32_t broadcast, value what) {
  if (blocks_.has_peers()) {
    core::byte_buffer bytes;
    what->encode(bytes);
    cut_broadcast(blocks_, broadcast, bytes);
    const std::lock_guard lock(mutex_);
    cut_.insert(broadcast);
    return 1 + bytes.size();
  }
  const std::lock_guard lock(mutex_);
  entries_[broadcast].what = std::move(what);
  return 0;
}

void broadcast_values::refuse(std::uint32_t broadcast) const {
  if (const auto text = destroyed_.find(broadcast); text != destroyed_.end())
    core::throw_error(errc::destroyed, text->second);
  core::throw_error(errc::internal, "there is no broadcast value " + std::to_string(broadcast) + " in this application");
}

broadcast_values::value broadcast_values::get(std::uint32_t broadcast, std::uint64_t size, decoder decode,
                                              std::span<const std::uint32_t> peers, const std::atomic<bool>* cancelled) {
  constexpr std::chrono::milliseconds look_interval{50};
  {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (destroyed_.contains(broadcast))
        refuse(broadcast);
      const auto [at, mine] = entries_.try_emplace(broadcast);
      if (at->second.what)
        return at->second.what;
      if (mine && (size == 0 || is_source())) {
        entries_.erase(at);
        refuse(broadcast);
      }
      if (mine) {
        cut_.insert(broadcast);
        break;
      }
      if (cancelled && cancelled->load(std::memory_order_relaxed))
        throw core::task_cancelled();
      changed_.wait_for(lock, look_interval);
    }
  }
  value fetched;
  try {
    fetched = fetch(broadcast, size - 1, decode, peers, cancelled);
  } catch (...) {
    finish(broadcast, nullptr); // the next one that waits tries for itself
    throw;
  }
  finish(broadcast, fetched);
  return fetched;
}

broadcast_values::value broadcast_values::fetch(std::uint32_t broadcast, std::uint64_t bytes, decoder decode,
                                                std::span<const std::uint32_t> peers, const std::atomic<bool>* cancelled) {
  // Room for the object, which is about as large as its bytes, and for the bytes in a row while it is made.
  if (!blocks_.store().reserve(bytes))
    no_room(broadcast, bytes);
  auto made = std::make_shared<accounted_value>(blocks_, bytes);
  accounted_value row(blocks_, 0);
  if (bytes > broadcast_piece_bytes) {
    if (!blocks_.store().reserve(bytes))
      no_room(broadcast, bytes);
    row.bytes = bytes;
  }
  broadcast_gathering pieces(blocks_, broadcast, bytes, peers, cancelled);
  const auto encoded = bytes == 0 ? std::make_shared<const core::byte_buffer>() : pieces.gather();
  made->what = decode(*encoded);
  if (const std::uint64_t larger = made->what->memory_bytes(); larger > made->bytes) {
    if (!blocks_.store().reserve(larger - made->bytes))
      no_room(broadcast, larger - made->bytes);
    made->bytes = larger;
  }
  const std::lock_guard lock(mutex_);
  fetched_.from_driver += pieces.from_driver();
  fetched_.from_peers += pieces.from_peers();
  return {made, made->what.get()};
}

void broadcast_values::finish(std::uint32_t broadcast, value fetched) {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = entries_.find(broadcast); at != entries_.end()) {
      wanted = !at->second.dropped;
      if (wanted && fetched)
        at->second.what = std::move(fetched);
      else
        entries_.erase(at);
    }
  }
  changed_.notify_all();
  if (!wanted)
    blocks_.store().drop_all(storage::block_kind::broadcast, broadcast);
}

void broadcast_values::drop(std::uint32_t broadcast, const std::optional<std::string>& destroyed) {
  if (is_source() && !destroyed)
    return;
  value gone; // dies outside the lock
  {
    const std::lock_guard lock(mutex_);
    if (destroyed)
      remember(broadcast, *destroyed);
    cut_.erase(broadcast);
    if (const auto at = entries_.find(broadcast); at != entries_.end() && !at->second.what) {
      at->second.dropped = true;
    } else if (at != entries_.end()) {
      gone = std::move(at->second.what);
      entries_.erase(at);
    }
  }
  if (!blocks_.has_peers())
    return;
  if (is_source())
    bury_broadcast(blocks_, broadcast, *destroyed);
  else
    blocks_.store().drop_all(storage::block_kind::broadcast, broadcast);
}

/// Requires: mutex_ held.
void broadcast_values::remember(std::uint32_t broadcast, const std::string& text) {
  if (!destroyed_.emplace(broadcast, text).second)
    return;
  destroyed_order_.push_back(broadcast);
  if (destroyed_order_.size() <= destroyed_max)
    return;
  forget_grave(blocks_, destroyed_order_.front());
  destroyed_.erase(destroyed_order_.front());
  destroyed_order_.pop_front();
}

void broadcast_values::clear() {
  std::unordered_map<std::uint32_t, entry> gone; // values die outside the lock
  std::unordered_set<std::uint32_t> cut;
  {
    const std::lock_guard lock(mutex_);
    gone.swap(entries_);
    cut.swap(cut_);
  }
  for (const auto broadcast : cut)
    blocks_.store().drop_all(storage::block_kind::broadcast, broadcast);
}

broadcast_values::counts broadcast_values::fetched() const {
  const std::lock_guard lock(mutex_);
  return fetched_;
}

} // namespace salamander::actors
