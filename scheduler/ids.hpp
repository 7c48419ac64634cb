// Identifiers of what schedulers decide about.
#pragma once

#include <salamander/rdd/ids.hpp>

namespace salamander::scheduler {

using core::partition_id;
using core::rdd_id;
using core::shuffle_id;

using job_id = core::strong_id<struct job_tag>;
using stage_id = core::strong_id<struct stage_tag>;
using executor_id = core::strong_id<struct executor_tag>;        ///< never used twice: an id names one incarnation
using task_id = core::strong_id<struct task_tag, std::uint64_t>; ///< one attempt of one task; never used twice; from 1

inline constexpr executor_id no_executor{0xffffffff};
/// Stands where an executor would for what lies in files that every executor can read, and that go with none of them.
inline constexpr executor_id kept_files{0xfffffffd};

} // namespace salamander::scheduler
