#include <salamander/storage/memory_manager.hpp>

namespace salamander::storage {

bool memory_manager::try_exchange(std::uint64_t evicted, memory_use use, std::uint64_t bytes) noexcept {
  if (bytes > budget_)
    return false;
  auto used = used_.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    after = used - evicted;
    // `after` may exceed the budget after acquire_always: then only what takes nothing fits.
    if (bytes > evicted && (after > budget_ || bytes > budget_ - after))
      return false;
    after += bytes;
  } while (!used_.compare_exchange_weak(used, after, std::memory_order_relaxed));
  if (evicted != 0)
    of(memory_use::cache).fetch_sub(evicted, std::memory_order_relaxed);
  of(use).fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void memory_manager::acquire_always(memory_use use, std::uint64_t bytes) noexcept {
  used_.fetch_add(bytes, std::memory_order_relaxed);
  of(use).fetch_add(bytes, std::memory_order_relaxed);
}

void memory_manager::release(memory_use use, std::uint64_t bytes) noexcept {
  of(use).fetch_sub(bytes, std::memory_order_relaxed);
  used_.fetch_sub(bytes, std::memory_order_relaxed);
}

std::uint64_t memory_manager::missing_bytes(std::uint64_t bytes) const noexcept {
  const auto used = used_bytes();
  if (used <= budget_ && bytes <= budget_ - used)
    return 0;
  return used + bytes - budget_;
}

} // namespace salamander::storage
