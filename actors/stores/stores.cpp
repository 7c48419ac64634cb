#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>

namespace salamander::core {

const file_system& remote_file_system(std::string_view scheme) {
  throw_error(errc::invalid_argument, "there is no store '" + std::string(scheme) +
                                          "://': only files of this machine can be read and written (a path, or file:/path)");
}

} // namespace salamander::core
