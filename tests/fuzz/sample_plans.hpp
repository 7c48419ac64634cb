// Plans of datasets made of most kinds of operations, and the code that they name.
#pragma once

#include <salamander/rdd/plan.hpp>

#include <string>
#include <vector>

namespace fuzz {

struct sample_plan {
  std::string name;
  salamander::core::byte_buffer plan;
};

std::vector<sample_plan> sample_plans();

/// Tokens of functions that the sample plans name, in a fixed order.
const std::vector<salamander::core::code_token>& sample_code();

/// True for code that the parameters of a node begin with; a length of one byte stands before them.
bool begins_parameters(std::size_t code);

/// How many nodes were made from a plan by a constructor that counts.
int& nodes_made();

} // namespace fuzz
