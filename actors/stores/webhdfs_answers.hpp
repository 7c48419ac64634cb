// What WebHDFS says in JSON, read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::actors {

struct webhdfs_status {
  std::string name; ///< in its directory; empty for the path that was asked for
  bool directory = false;
  std::uint64_t size = 0;
};

// Errors of all but the last: errc::io_error for what is no JSON. Nothing, or false: the JSON is no such answer.

std::optional<webhdfs_status> webhdfs_status_in(std::string_view body);
/// What lies in a directory; empty for a file, which lists itself.
std::optional<std::vector<webhdfs_status>> webhdfs_listing_in(std::string_view body);
bool webhdfs_truth_in(std::string_view body);
/// HDFS's own reason, at most its first line and 300 bytes; empty if there is none.
std::string webhdfs_reason_in(std::string_view body);

} // namespace salamander::actors
