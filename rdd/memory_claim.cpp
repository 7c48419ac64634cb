#include <salamander/rdd/memory_claim.hpp>

#include <salamander/rdd/error.hpp>

namespace salamander::core {

void memory_claim::grow(std::size_t more) {
  if (!context_->try_reserve(more))
    throw placed_error(errc::out_of_memory, dataset_->title() + ", partition " + std::to_string(context_->partition_index) + ": " +
                                                context_->shortage(more, what_));
  held_ += more;
}

bool memory_claim::try_hold(std::size_t bytes, rdd_id cached_for) {
  if (bytes <= held_) {
    shrink(held_ - bytes);
    return true;
  }
  if (!context_->try_reserve_to_cache(bytes - held_, cached_for))
    return false;
  held_ = bytes;
  return true;
}

void memory_claim::shrink(std::size_t less) noexcept {
  held_ -= less;
  context_->release(less);
}

} // namespace salamander::core
