// Sentences for errors and logs.
#pragma once

#include <salamander/scheduler/ids.hpp>

#include <cstdint>
#include <string>

namespace salamander::scheduler {

/// "executor 3", or "no executor" for a place that nobody knew.
std::string name_of(executor_id executor);

/// "1 time", "4 times"
std::string counted(std::size_t count, const std::string& noun);

/// "1.2 GiB (1288490188 bytes)"
std::string size_text(std::uint64_t bytes);

} // namespace salamander::scheduler
