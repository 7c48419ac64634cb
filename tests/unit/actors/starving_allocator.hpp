// Allocation functions of a program in which some threads get no memory. They are in a source of their own, so that the compiler does
// not see through them.
#pragma once

#include <atomic>

namespace starvation {

/// While it is set, allocations fail in all threads that are not spared.
extern std::atomic<bool> starving;
extern std::atomic<unsigned> refused;
extern thread_local bool spared;

} // namespace starvation
