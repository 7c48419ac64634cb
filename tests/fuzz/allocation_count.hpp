// Counts what malloc hands out, so that a decoder that asks for more than its input can justify is caught at the place.
#pragma once

#include <cstddef>

namespace fuzz::allocation_count {

/// From now on this thread may hold `most` bytes more than now; the program ends at the allocation that goes beyond.
void start(std::size_t most) noexcept;
void stop() noexcept;

} // namespace fuzz::allocation_count
