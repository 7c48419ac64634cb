// The vocabulary of faults: what can be done, when it is planned, and which failures it may cause.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace chaos {

using milliseconds = std::chrono::milliseconds;

/// What a fault does to the application, as far as its errors can tell. A set of bits.
enum class cause : std::uint32_t {
  none = 0,
  executor_gone = 1,    ///< an executor's process dies or stands still
  control_broken = 2,   ///< driver and executors do not hear each other
  blocks_broken = 4,    ///< blocks arrive late, damaged or not at all
  output_disk_full = 8, ///< of the directory that jobs write to
  local_disk_full = 16, ///< of the application's own directory
  memory_short = 32,    ///< an executor gets no more memory from the system
  orders_damaged = 64,  ///< the file that tells an executor what to do
  driver_gone = 128,    ///< the driver's process dies or stands still
  machine_busy = 256,   ///< nobody's fault: processes do not get the processor for so long that they look dead
};

constexpr cause operator|(cause a, cause b) noexcept {
  return static_cast<cause>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr bool overlap(cause a, cause b) noexcept {
  return (static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b)) != 0;
}

struct fault_kind {
  std::string name;
  double per_two_minutes = 0; ///< expected occurrences while faults are injected, if the kind is on
  milliseconds shortest{0};   ///< how long it lasts; 0 and 0: it is over at once
  milliseconds longest{0};
  cause may_cause = cause::none;
};

/// One entry of a schedule. All that is left open, such as which executor, follows from `choice`.
struct planned_fault {
  milliseconds at{0}; ///< since the episode's begin
  milliseconds lasts{0};
  std::uint64_t choice = 0;
  fault_kind kind;
};

} // namespace chaos
