// Who may speak to whom: credentials of one application, made when it starts, and those of a cluster, made by hand.
#pragma once

#include <filesystem>
#include <string>

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

/// Makes `directory` (mode 0700, must not exist), a cluster's authority in it ("ca.crt", "ca.key"), and two folders to be copied: "node"
/// for masters and workers, with the secret by which workers prove that they are some, and "client" for those who submit. A client's
/// certificate cannot stand for a master. EC P-256, valid for ten years. Errors: errc::io_error, errc::internal.
void make_cluster_credentials(const std::filesystem::path& directory);
/// Makes one more folder for a submitter. Errors: also errc::invalid_argument.
void add_client_credentials(const std::filesystem::path& directory, const std::string& folder);

/// Of the folder itself, or of the one that make_cluster_credentials made around it. Errors: errc::io_error with advice.
credentials node_credentials(const std::filesystem::path& directory);
credentials client_credentials(const std::filesystem::path& directory);

/// HMAC-SHA-256 of a worker's name under the nodes' secret, in hex. Sent to masters only, over TLS. Errors: errc::io_error when the
/// secret is missing or others can read it.
std::string node_proof(const std::filesystem::path& directory, const std::string& worker);
/// Takes as long for wrong proofs as for right ones.
bool check_node_proof(const std::filesystem::path& directory, const std::string& worker, const std::string& proof);

} // namespace salamander::actors
