#include <salamander/actors/launch/launched_child.hpp>
#include <salamander/actors/launch/launched_driver.hpp>
#include <salamander/rdd/error.hpp>

namespace salamander::actors {
namespace {

submission submission_of(const core::launch_request& request) {
  if (request.program.empty())
    core::throw_error(errc::invalid_argument, "a launcher has to know the program: call set_application");
  submission what;
  what.program = request.program;
  what.arguments = request.arguments;
  what.settings = request.settings;
  what.files = request.files;
  what.name = request.name;
  what.driver_cores = request.driver_cores;
  what.driver_memory_bytes = request.driver_memory_bytes;
  what.supervise = request.supervise;
  for (const auto& [name, value] : request.environment) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos || value.find('\0') != std::string::npos)
      core::throw_error(errc::invalid_argument, "the variable \"" + name +
                                                    "\" of the environment cannot be set: it has no name, or a = or "
                                                    "zero byte where none may be");
    what.environment.push_back(name + '=' + value);
  }
  check(what);
  return what;
}

} // namespace
} // namespace salamander::actors

namespace salamander::core {

std::shared_ptr<launched> start_launch(const launch_request& request) {
  const auto what = actors::submission_of(request);
  if (request.mode == deploy_mode::cluster)
    return actors::launch_driver(request, what);
  if (request.supervise)
    throw_error(errc::invalid_argument, "a driver is supervised by a worker: set_supervise needs the deploy mode cluster");
  return actors::launch_child(request, what);
}

} // namespace salamander::core
