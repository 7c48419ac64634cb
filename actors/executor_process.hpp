// The life of an executor's process, from main's first line to its end.
#pragma once

#include <string>
#include <vector>

namespace salamander::actors {

/// The arguments that main was called with, for starting this program again; empty before core::serve_if_executor was called.
const std::vector<std::string>& program_arguments();

} // namespace salamander::actors
