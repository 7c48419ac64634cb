// What is asked of a user's ordering.
#pragma once

#include <salamander/rdd/error.hpp>

namespace salamander::core {

/// Errors: errc::invalid_argument when `less` says of a and b that each comes before the other. That finds the usual mistakes (<=, !=)
/// where it is cheap, and not every ordering that is none.
template <class A, class B, class Less>
void check_order(const A& a, const B& b, const Less& less) {
  if (less(a, b) && less(b, a))
    throw_error(errc::invalid_argument, "the ordering is not a strict weak order: of two records each comes before the other; for equal "
                                        "ones it has to be false, as < is and <= is not");
}

} // namespace salamander::core
