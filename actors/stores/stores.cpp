// The stores of other machines, by scheme.
#include <salamander/actors/stores/http_files.hpp>
#include <salamander/actors/stores/s3_files.hpp>
#include <salamander/actors/stores/webhdfs_files.hpp>

#include <salamander/rdd/error.hpp>

namespace salamander::core {

const file_system& remote_file_system(std::string_view scheme) {
  static const actors::http_files http;
  static const actors::s3_files s3;
  static const actors::webhdfs_files hdfs;
  if (scheme == "http" || scheme == "https")
    return http;
  if (scheme == "s3" || scheme == "s3a")
    return s3;
  if (scheme == "hdfs" || scheme == "webhdfs")
    return hdfs;
  throw_error(errc::invalid_argument,
              "there is no store '" + std::string(scheme) +
                  "://': a path is one of this machine (or file:/path), or begins with http:// https:// s3:// hdfs:// webhdfs://");
}

} // namespace salamander::core
