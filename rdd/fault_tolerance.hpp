// Whether this build pays for fault tolerance. Only scripts/bench_overhead builds without, to measure what it costs.
#pragma once

namespace salamander::core {

/// False in a build configured with SALAMANDER_FAULT_TOLERANCE=OFF, which cannot be installed. It has no checksums of blocks and of
/// the messages that carry them, no fingerprints of map outputs, no heartbeats and no checks for them, does not note where tasks are,
/// and writes output files under their final names. Nothing else differs.
/// Faults: damaged bytes pass unnoticed, a process that hangs is waited for, and a failed job leaves a part of its output.
#ifdef SALAMANDER_WITHOUT_FAULT_TOLERANCE
inline constexpr bool fault_tolerance = false;
#else
inline constexpr bool fault_tolerance = true;
#endif

} // namespace salamander::core
