// An application in client mode: its driver is a child process of this one, and outlives it.
#pragma once

#include <salamander/actors/cluster/submission.hpp>
#include <salamander/rdd/launch_request.hpp>

namespace salamander::actors {

/// Starts it. `what` was checked. Errors: errc::input_not_found for the directory to run in, errc::invalid_argument when the system
/// refuses to start the program, errc::io_error for a file that its output cannot be added to.
std::shared_ptr<core::launched> launch_child(const core::launch_request& request, const submission& what);

} // namespace salamander::actors
