// How much memory this process may use.
#pragma once

#include <cstdint>

namespace salamander::actors {

/// The machine's memory, or the limit of the control group that this process is in, if that is less. Bytes.
std::uint64_t available_memory_bytes();

/// What this process takes of it now (its resident set), or 0 if the system does not tell. Bytes.
std::uint64_t resident_memory_bytes();

} // namespace salamander::actors
