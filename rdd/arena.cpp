#include <salamander/rdd/arena.hpp>

#include <algorithm>

namespace salamander::core {

void arena::grow(std::size_t at_least) {
  constexpr std::size_t first = 1024;
  constexpr std::size_t largest = 1024 * 1024;
  const auto size = std::max(at_least, std::clamp(allocated_, first, largest));
  chunks_.push_back(std::make_unique_for_overwrite<char[]>(size));
  next_ = chunks_.back().get();
  free_ = size;
  allocated_ += size;
}

} // namespace salamander::core
