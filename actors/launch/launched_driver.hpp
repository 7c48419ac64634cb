// An application in cluster mode: its driver runs under a worker's supervision, and this process asks how it gets on.
#pragma once

#include <salamander/actors/cluster/submission.hpp>
#include <salamander/rdd/launch_request.hpp>

namespace salamander::actors {

/// Submits it. `what` was checked. Errors: those of cluster_of, describe and submitter::submit.
std::shared_ptr<core::launched> launch_driver(const core::launch_request& request, const submission& what);

} // namespace salamander::actors
