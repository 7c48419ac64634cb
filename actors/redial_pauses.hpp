// How long to wait before dialling again.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace salamander::actors {

/// Twice as long each time up to a limit, and each drawn evenly between half and one and a half of that: when one process goes, all that
/// were connected to it lose it in the same moment, and shall not come back in the same moment too.
/// Same seed, same pauses. Threads: one at a time.
class redial_pauses {
public:
  struct limits {
    std::chrono::milliseconds first{50};
    std::chrono::milliseconds longest{500}; ///< half as much more is possible
  };

  redial_pauses(const limits& bounds, std::uint64_t seed) : limits_(bounds), nominal_(bounds.first), random_(seed) {}

  std::chrono::milliseconds next();
  /// The next one is the first again.
  void restart() noexcept {
    nominal_ = limits_.first;
  }

private:
  const limits limits_;
  std::chrono::milliseconds nominal_;
  std::mt19937_64 random_;
};

/// Another one each time, drawn from the system.
std::uint64_t redial_seed();

} // namespace salamander::actors
