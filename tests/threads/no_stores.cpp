// Files of this machine only: for tests that have no actors around them.
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>

namespace salamander::core {

const file_system& remote_file_system(std::string_view scheme) {
  throw_error(errc::invalid_argument, "there is no store '" + std::string(scheme) + "://' in these tests");
}

} // namespace salamander::core
