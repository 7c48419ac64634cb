// The operations of S3 that files need.
#pragma once

#include <salamander/actors/stores/http.hpp>
#include <salamander/actors/stores/s3_answers.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace salamander::actors {

/// s3://bucket/key
struct s3_place {
  std::string bucket;
  std::string key;
};
/// Errors: errc::invalid_argument without a bucket.
s3_place s3_place_of(const std::string& path);

/// One bucket. Used by one thread. Errors of all: errc::io_error with what was asked, the status and S3's own code, never with credentials.
class s3_client {
public:
  /// Settings and credentials as they are now. `path`: names the bucket.
  explicit s3_client(const std::string& path);

  /// Its size; nothing if there is no such object.
  std::optional<std::uint64_t> size_of(const std::string& key) const;
  /// At most `size` bytes from `offset` on; none beyond the end.
  void get(const std::string& key, std::uint64_t offset, std::size_t size, std::string& to) const;
  void put(const std::string& key, std::string_view bytes) const;
  void remove(const std::string& key) const;
  /// `objects_max`: 0 is all.
  s3_listing list(const std::string& prefix, bool one_level, std::size_t objects_max = 0) const;

  /// Uploads in parts: an object is there when its upload is completed, and not before.
  std::string begin_upload(const std::string& key) const;
  /// The part's tag, for `complete_upload`. Parts count from 1.
  std::string put_part(const std::string& key, const std::string& upload, std::size_t number, std::string_view bytes) const;
  void complete_upload(const std::string& key, const std::string& upload, const std::vector<std::string>& tags) const;
  void abort_upload(const std::string& key, const std::string& upload) const;
  /// Those that were begun under a prefix and neither completed nor aborted.
  std::vector<s3_upload> uploads(const std::string& prefix) const;

private:
  using query = std::vector<std::pair<std::string, std::string>>;

  /// Requires: names in `parameters` are sorted, as signatures want them.
  http_request request(const char* method, const std::string& key, const query& parameters) const;
  [[noreturn]] void refuse(const char* doing, const std::string& key, const http_response& answer) const;

  std::string bucket_;
  std::string base_; ///< URL of the bucket, ends with "/"
  aws_signature signature_;
};

} // namespace salamander::actors
