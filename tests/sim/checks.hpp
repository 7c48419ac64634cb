// What must hold in every run, whatever goes wrong. The numbers are those of docs/reliability.md.
#pragma once

#include "event_queue.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace salamander::sim {

/// An invariant is broken: the run ends here.
struct violation : std::runtime_error {
  violation(std::string_view name, const std::string& text) : std::runtime_error(text), check(name) {}

  std::string check; ///< "S1" ... "L4", and a word on which part of it
};

/// The text is made only if it is needed.
template <class Text>
void check(bool holds, std::string_view name, Text&& text) {
  if (!holds)
    throw violation(name, text());
}

} // namespace salamander::sim
