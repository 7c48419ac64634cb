// Which failures and messages the faults that were injected explain. Whatever they do not explain is a bug.
#pragma once

#include "harness/faults.hpp"

#include <string_view>

namespace chaos {

/// The causes, each of which may make a job fail with this code (a word as in verdict.hpp); none: no fault may.
cause excuses_of_code(std::string_view code);

/// What a line of standard error means.
struct line_judgement {
  bool alarming = false; ///< an error, or the output of a sanitizer or of a failed assertion
  cause excuses = cause::none;
  std::string_view words{}; ///< by which it is known
};
line_judgement judge_line(std::string_view line);

} // namespace chaos
