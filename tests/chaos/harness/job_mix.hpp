// Which job runs next.
#pragma once

#include "verdict.hpp"

namespace chaos {

/// The job with this number under this seed.
job_request job_during_faults(std::uint64_t seed, std::uint32_t number);
/// A job that must succeed as soon as the application has recovered.
job_request job_after_faults(std::uint64_t seed, std::uint32_t number);

} // namespace chaos
