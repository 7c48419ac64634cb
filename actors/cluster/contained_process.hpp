// Starting one process that shall not outlive or disturb the one that started it.
#pragma once

#include <salamander/actors/child_process.hpp>

#include <string>
#include <vector>

namespace salamander::actors {

struct contained_order {
  std::string program;
  std::vector<std::string> arguments;   ///< argv, program name included
  std::vector<std::string> environment; ///< "NAME=value"; all there is
  std::string directory;                ///< where it runs
};

struct contained_child {
  pid_t process = 0;
  descriptor watch;  ///< one end of a socket pair; the child has the other as parent_watch_descriptor, and it ends with the child
  descriptor output; ///< what it prints: the reading end of a pipe, not blocking
  descriptor errors;
};

/// The child has its own session and process group, /dev/null as input, no ignored or blocked signals, umask 077, no core dumps, cannot
/// gain privileges, and is killed when the thread that called this ends (PR_SET_PDEATHSIG): call it from one that stays.
/// Errors: process 0 and a positive errno, also when the program cannot be executed or its directory not entered.
std::pair<contained_child, int> start_contained(contained_order order);

} // namespace salamander::actors
