#include <salamander/actors/redial_pauses.hpp>

#include <algorithm>

namespace salamander::actors {

std::chrono::milliseconds redial_pauses::next() {
  const auto half = nominal_.count() / 2;
  std::uniform_int_distribution<std::chrono::milliseconds::rep> around(half, nominal_.count() + half);
  nominal_ = std::min(2 * nominal_, limits_.longest);
  return std::chrono::milliseconds(around(random_));
}

std::uint64_t redial_seed() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) | source();
}

} // namespace salamander::actors
