// Where settings become fault injection, and its report becomes text.
#pragma once

#include <salamander/actors/fault_director.hpp>

namespace salamander::actors {

/// Null when the settings ask for neither faults nor a report. `signal`: see fault_setup.
/// Errors: errc::bad_config_value for a plan that this master cannot carry out.
std::shared_ptr<fault_director> start_faults(const config& settings, const core::master_url& master,
                                             std::function<std::int64_t(std::uint32_t, int)> signal,
                                             std::shared_ptr<std::atomic<std::uint64_t>> refused_messages);

/// The end of an application: the report goes where salamander.faults.report says.
void print_faults(const config& settings, const fault_director& director);

} // namespace salamander::actors
