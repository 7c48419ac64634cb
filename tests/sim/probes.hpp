// The simulator's side of rdd/probes.hpp: what was passed, and which defect is switched on. Each thread has its own.
#pragma once

#include <salamander/rdd/probes.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::sim {

/// Adds how often this thread has passed each probe since the last call.
void take_probes(std::map<std::string, std::uint64_t>& sum);

void plant(core::defect which) noexcept;
std::string_view name_of(core::defect which) noexcept;
std::optional<core::defect> defect_of(std::string_view name) noexcept;

/// All probes that the sources of the state machines have.
const std::vector<std::string_view>& known_probes();

} // namespace salamander::sim
