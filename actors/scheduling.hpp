// What an application's settings mean for its scheduler.
#pragma once

#include <salamander/rdd/config.hpp>
#include <salamander/scheduler/driver_scheduler.hpp>

namespace salamander::actors {

/// Errors: errc::bad_config_value naming the key, or file and line of a pool; errc::input_not_found for a missing file of pools.
scheduler::scheduler_options scheduling_options(const config& settings, const core::master_url& master);

/// Without value: dynamic allocation is off, or `master` is a local one, which has all its executors from the start.
/// Errors: errc::bad_config_value for settings that contradict each other.
std::optional<scheduler::allocation_options> allocation_of(const config& settings, const core::master_url& master);

} // namespace salamander::actors
