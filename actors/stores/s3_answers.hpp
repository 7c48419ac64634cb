// What S3 says in XML, read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::actors {

struct s3_object {
  std::string key;
  std::uint64_t size = 0;
};
/// What lies under a prefix.
struct s3_listing {
  std::vector<s3_object> objects;
  std::vector<std::string> prefixes; ///< up to and with the next "/", if that is asked for
};
struct s3_upload {
  std::string key;
  std::string id;
};

// Errors of all but the first: errc::io_error for what is no such answer.

/// S3's own error code, such as "NoSuchKey"; empty for what is no error.
std::string s3_error_in(std::string_view body);
/// Adds a page of a listing. Returns the token that the next page is asked for by; empty: this was the last one.
std::string add_s3_page(std::string_view body, s3_listing& to);
/// Adds a page of unfinished uploads. Returns the one that the next page begins after; without a key: this was the last page.
s3_upload add_s3_uploads(std::string_view body, std::vector<s3_upload>& to);
/// The name of an upload that was just begun.
std::string s3_upload_id_in(std::string_view body);

} // namespace salamander::actors
