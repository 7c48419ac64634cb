// Who asks S3.
#pragma once

#include <string>

namespace salamander::actors {

struct aws_credentials {
  std::string access_key; ///< empty: requests are not signed
  std::string secret_key;
  std::string session_token;
};

/// From the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), else from the section AWS_PROFILE (or "default") of
/// AWS_SHARED_CREDENTIALS_FILE (or ~/.aws/credentials); else nobody, which public buckets are content with. Read for each file anew, so
/// that keys may be exchanged while a program runs. Errors: errc::io_error for a profile that is asked for by name and does not exist.
aws_credentials find_aws_credentials();

} // namespace salamander::actors
