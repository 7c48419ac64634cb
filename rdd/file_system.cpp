#include <salamander/rdd/file_system.hpp>

#include <salamander/rdd/local_files.hpp>

namespace salamander::core {

std::string_view scheme_of(std::string_view path) noexcept {
  if (path.starts_with("file:/"))
    return path.substr(0, 4);
  const auto colon = path.find("://");
  return colon == std::string_view::npos || path.substr(0, colon).find('/') != std::string_view::npos ? std::string_view{}
                                                                                                      : path.substr(0, colon);
}

const file_system& file_system_of(std::string_view path) {
  static const local_files local;
  const auto scheme = scheme_of(path);
  return scheme.empty() || scheme == "file" ? local : remote_file_system(scheme);
}

std::string plain_path(std::string_view path) {
  if (scheme_of(path) == "file") {
    path.remove_prefix(5);
    while (path.starts_with("//"))
      path.remove_prefix(1);
  }
  return std::string(path);
}

} // namespace salamander::core
