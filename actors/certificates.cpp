#include <salamander/actors/certificates.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/output_file.hpp>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

namespace salamander::actors {
namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using memory_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;

struct identity {
  key_ptr key;
  certificate_ptr certificate;
};

void require(bool success, const char* what) {
  if (success)
    return;
  char text[256];
  ::ERR_error_string_n(::ERR_get_error(), text, sizeof text);
  core::throw_error(errc::internal, std::string("cannot make a certificate (") + what + "): " + text);
}

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const extension_ptr extension(::X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  require(extension && ::X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

constexpr long application_days = 365;
constexpr long cluster_days = 3650;
constexpr std::size_t secret_bytes = 32;

enum class kind : std::uint8_t { authority, peer, caller }; ///< a caller connects to others and is never connected to

/// `issuer` null: signs itself and may sign others.
identity make_identity(const char* name, const identity* issuer, kind what, long days) {
  identity made{key_ptr(EVP_EC_gen("P-256")), certificate_ptr(::X509_new())};
  require(made.key && made.certificate, "key");
  auto* const certificate = made.certificate.get();
  unsigned char random[8];
  require(::RAND_bytes(random, sizeof random) == 1, "random number");
  std::uint64_t serial = 0;
  std::memcpy(&serial, random, sizeof serial);
  require(::X509_set_version(certificate, X509_VERSION_3) == 1, "version");
  require(::ASN1_INTEGER_set_uint64(::X509_get_serialNumber(certificate), serial >> 1) == 1, "serial number");
  // An hour back: clocks of containers that share a directory may differ.
  require(::X509_gmtime_adj(::X509_getm_notBefore(certificate), -3600) != nullptr, "validity");
  require(::X509_gmtime_adj(::X509_getm_notAfter(certificate), days * 24 * 3600) != nullptr, "validity");
  require(::X509_set_pubkey(certificate, made.key.get()) == 1, "public key");
  auto* const subject = ::X509_get_subject_name(certificate);
  require(::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1, "name");
  auto* const signer = issuer ? issuer->certificate.get() : certificate;
  require(::X509_set_issuer_name(certificate, ::X509_get_subject_name(signer)) == 1, "issuer");
  extend(certificate, signer, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0");
  extend(certificate, signer, NID_key_usage, issuer ? "critical,digitalSignature" : "critical,keyCertSign");
  if (issuer)
    extend(certificate, signer, NID_ext_key_usage, what == kind::caller ? "clientAuth" : "serverAuth,clientAuth");
  require(::X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), ::EVP_sha256()) > 0, "signature");
  return made;
}

void write_private(const std::filesystem::path& path, BIO* content) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(content, &data);
  core::output_file file(path.string(), core::system_disk(), 0600);
  file.write({data, static_cast<std::size_t>(size)});
  file.finish(false);
}

void write_certificate(const std::filesystem::path& path, const identity& who) {
  const memory_ptr out(::BIO_new(::BIO_s_mem()));
  require(out && ::PEM_write_bio_X509(out.get(), who.certificate.get()) == 1, "encoding");
  write_private(path, out.get());
}

void write_key(const std::filesystem::path& path, const identity& who) {
  const memory_ptr out(::BIO_new(::BIO_s_secmem()));
  require(out && ::PEM_write_bio_PrivateKey(out.get(), who.key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "encoding");
  write_private(path, out.get());
}

void write_identity(const std::filesystem::path& directory, const std::string& name, const identity& who) {
  write_certificate(directory / (name + ".crt"), who);
  write_key(directory / (name + ".key"), who);
}

void make_directory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0)
    core::throw_error(errc::io_error, "cannot create the directory " + path.string() + ": " + std::strerror(errno));
}

identity read_authority(const std::filesystem::path& directory) {
  const auto open = [&](const char* name) {
    memory_ptr file(::BIO_new_file((directory / name).c_str(), "rb"));
    if (!file)
      core::throw_error(errc::io_error, "cannot read " + (directory / name).string() + ": " + std::strerror(errno));
    return file;
  };
  identity read{key_ptr(::PEM_read_bio_PrivateKey(open("ca.key").get(), nullptr, nullptr, nullptr)),
                certificate_ptr(::PEM_read_bio_X509(open("ca.crt").get(), nullptr, nullptr, nullptr))};
  require(read.key && read.certificate, "reading the authority");
  return read;
}

/// The directory that holds the files of a role: the one named, or the one of that name inside it.
std::filesystem::path directory_of(const std::filesystem::path& given, const std::string& role) {
  std::pair<std::filesystem::path, std::error_code> unreadable;
  for (const auto& directory : {given / role, given}) {
    std::error_code failed;
    if (std::filesystem::exists(directory / (role + ".crt"), failed))
      return directory;
    if (failed)
      unreadable = {directory, failed};
  }
  if (unreadable.second)
    core::throw_disk_error("read", unreadable.first.string(), unreadable.second.value());
  core::throw_error(errc::io_error, "no credentials of a " + role + " are in " + given.string() +
                                        "; make some with \"salamander keygen DIRECTORY\" and copy its folder " + role + " here");
}

std::string read_private(const std::filesystem::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0)
    core::throw_disk_error("read", file.string(), errno);
  if ((facts.st_mode & 0077) != 0)
    core::throw_error(errc::io_error, file.string() + " can be read by others; make it private: chmod 600 " + file.string());
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

void make_credentials(const std::filesystem::path& directory) {
  const auto authority = make_identity("salamander application", nullptr, kind::authority, application_days);
  write_certificate(directory / "ca.crt", authority);
  for (const char* name : {"driver", "executor"})
    write_identity(directory, name, make_identity(name, &authority, kind::peer, application_days));
}

credentials driver_credentials(const std::filesystem::path& directory) {
  return {directory / "driver.crt", directory / "driver.key", directory / "ca.crt"};
}

credentials executor_credentials(const std::filesystem::path& directory) {
  return {directory / "executor.crt", directory / "executor.key", directory / "ca.crt"};
}

void make_cluster_credentials(const std::filesystem::path& directory) {
  make_directory(directory);
  const auto authority = make_identity("salamander cluster", nullptr, kind::authority, cluster_days);
  write_identity(directory, "ca", authority);
  make_directory(directory / "node");
  write_certificate(directory / "node" / "ca.crt", authority);
  write_identity(directory / "node", "node", make_identity("node", &authority, kind::peer, cluster_days));
  unsigned char secret[secret_bytes];
  require(::RAND_priv_bytes(secret, sizeof secret) == 1, "random number");
  core::output_file file((directory / "node" / "cluster.secret").string(), core::system_disk(), 0600);
  for (const auto byte : secret) {
    constexpr char digits[] = "0123456789abcdef";
    const char pair[] = {digits[byte >> 4], digits[byte & 15]};
    file.write({pair, sizeof pair});
  }
  file.finish(false);
  ::OPENSSL_cleanse(secret, sizeof secret);
  add_client_credentials(directory, "client");
}

void add_client_credentials(const std::filesystem::path& directory, const std::string& folder) {
  if (folder.empty() || folder.find('/') != std::string::npos || folder.front() == '.')
    core::throw_error(errc::invalid_argument, "\"" + folder + "\" is no name for a folder of credentials");
  const auto authority = read_authority(directory);
  make_directory(directory / folder);
  write_certificate(directory / folder / "ca.crt", authority);
  write_identity(directory / folder, "client", make_identity("client", &authority, kind::caller, cluster_days));
}

credentials node_credentials(const std::filesystem::path& directory) {
  const auto at = directory_of(directory, "node");
  return {at / "node.crt", at / "node.key", at / "ca.crt"};
}

credentials client_credentials(const std::filesystem::path& directory) {
  const auto at = directory_of(directory, "client");
  return {at / "client.crt", at / "client.key", at / "ca.crt"};
}

std::string node_proof(const std::filesystem::path& directory, const std::string& worker) {
  const auto secret = read_private(directory_of(directory, "node") / "cluster.secret");
  const auto message = "salamander worker\n" + worker;
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  require(secret.size() == 2 * secret_bytes, "cluster.secret is not 64 hex digits");
  require(::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(message.data()),
                 message.size(), made, &size) != nullptr,
          "proof");
  std::string text;
  for (unsigned i = 0; i < size; ++i)
    for (const int digit : {made[i] >> 4, made[i] & 15})
      text += "0123456789abcdef"[digit];
  return text;
}

bool check_node_proof(const std::filesystem::path& directory, const std::string& worker, const std::string& proof) {
  const auto right = node_proof(directory, worker);
  return proof.size() == right.size() && ::CRYPTO_memcmp(proof.data(), right.data(), right.size()) == 0;
}

} // namespace salamander::actors
