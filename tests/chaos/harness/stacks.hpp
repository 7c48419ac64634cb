// Where the threads of a process are, for the report of a failure.
#pragma once

#include <filesystem>

#include <sys/types.h>

namespace chaos {

/// Writes the stacks of all threads to a file, if there is a debugger on this machine that may look at the process; takes seconds.
/// False if not.
bool write_stacks(pid_t process, const std::filesystem::path& to);

} // namespace chaos
