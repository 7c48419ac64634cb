// Credentials of one application on one machine, made when it starts.
#pragma once

#include <filesystem>

namespace salamander::actors {

/// Files for one side of a connection.
struct credentials {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path authority;
};

/// Makes a certificate authority, of which only the certificate is kept, and signs one certificate for the driver and one for its
/// executors: "driver.crt", "executor.crt", their keys and "ca.crt" in `directory` (keys: mode 0600). EC P-256, valid for a year.
/// Errors: errc::io_error, errc::internal when OpenSSL refuses.
void make_credentials(const std::filesystem::path& directory);
credentials driver_credentials(const std::filesystem::path& directory);
credentials executor_credentials(const std::filesystem::path& directory);

} // namespace salamander::actors
