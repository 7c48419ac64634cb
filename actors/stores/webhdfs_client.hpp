// The operations of WebHDFS that files need.
#pragma once

#include <salamander/actors/stores/http.hpp>
#include <salamander/actors/stores/webhdfs_answers.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace salamander::actors {

/// One name node. Bytes go to and come from data nodes, to which it redirects. Used by one thread.
/// Paths are those of users: webhdfs://host:port/a/b or hdfs://host/a/b. Errors of all: errc::io_error with the path, the status and HDFS's own
/// reason.
class webhdfs_client {
public:
  /// Errors: errc::invalid_argument for a path without a host.
  explicit webhdfs_client(const std::string& path);

  std::optional<webhdfs_status> status(const std::string& path) const;
  /// Empty for what is no directory.
  std::vector<webhdfs_status> list(const std::string& path) const;
  /// At most `size` bytes from `offset` on; none beyond the end.
  void get(const std::string& path, std::uint64_t offset, std::size_t size, std::string& to) const;

  void make_directory(const std::string& path) const;
  /// A file in a directory that exists, in the place of one that may be there.
  void create(const std::string& path, std::string_view bytes) const;
  /// Not tried again when a connection breaks: nobody knows then whether the bytes are there.
  void append(const std::string& path, std::string_view bytes) const;
  /// False when HDFS refuses: `from` is not there, or `to` is.
  bool rename(const std::string& from, const std::string& to) const;
  void remove(const std::string& path) const;

private:
  using query = std::vector<std::pair<std::string, std::string>>;

  http_request request(const char* method, const char* operation, const std::string& path, const query& parameters = {}) const;
  void send(const char* method, const char* operation, const std::string& path, const query& parameters, std::string_view bytes,
            bool repeatable) const;
  [[noreturn]] static void refuse(const char* doing, const std::string& path, const http_response& answer);

  std::string base_; ///< "http://host:port/webhdfs/v1"
  std::string user_;
};

} // namespace salamander::actors
