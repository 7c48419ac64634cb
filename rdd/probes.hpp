// Marks for the simulator: rare paths that a run should have been through, and defects that it must notice.
//
// In a shipped build both are nothing at all. The simulator compiles the state machines a second time with SALAMANDER_SIMULATION.
#pragma once

#include <cstdint>

namespace salamander::core {

/// Defects that can be switched on in the simulator's build, one at a time, to show that its checks would find them.
/// One line for each: what is done wrong where `planted` asks for it.
enum class defect : std::uint8_t {
  none,
#define SALAMANDER_DEFECT(name) name,
#include <salamander/rdd/planted_defects.ipp>
#undef SALAMANDER_DEFECT
  count_
};

#ifdef SALAMANDER_SIMULATION

/// Counts that the run came by here.
void probe_hit(const char* name) noexcept;
/// Whether this defect is switched on.
bool planted(defect which) noexcept;

#define SALAMANDER_PROBE(name) ::salamander::core::probe_hit(name)

#else

constexpr bool planted(defect) noexcept {
  return false;
}

#define SALAMANDER_PROBE(name) static_cast<void>(0)

#endif

} // namespace salamander::core
