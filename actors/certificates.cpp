#include <salamander/actors/certificates.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/output_file.hpp>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstring>
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

/// `issuer` null: signs itself and may sign others.
identity make_identity(const char* name, const identity* issuer) {
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
  require(::X509_gmtime_adj(::X509_getm_notAfter(certificate), 365L * 24 * 3600) != nullptr, "validity");
  require(::X509_set_pubkey(certificate, made.key.get()) == 1, "public key");
  auto* const subject = ::X509_get_subject_name(certificate);
  require(::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1, "name");
  auto* const signer = issuer ? issuer->certificate.get() : certificate;
  require(::X509_set_issuer_name(certificate, ::X509_get_subject_name(signer)) == 1, "issuer");
  extend(certificate, signer, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0");
  extend(certificate, signer, NID_key_usage, issuer ? "critical,digitalSignature" : "critical,keyCertSign");
  if (issuer)
    extend(certificate, signer, NID_ext_key_usage, "serverAuth,clientAuth");
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

} // namespace

void make_credentials(const std::filesystem::path& directory) {
  const auto authority = make_identity("salamander application", nullptr);
  write_certificate(directory / "ca.crt", authority);
  for (const char* name : {"driver", "executor"}) {
    const auto who = make_identity(name, &authority);
    write_certificate(directory / (std::string(name) + ".crt"), who);
    write_key(directory / (std::string(name) + ".key"), who);
  }
}

credentials driver_credentials(const std::filesystem::path& directory) {
  return {directory / "driver.crt", directory / "driver.key", directory / "ca.crt"};
}

credentials executor_credentials(const std::filesystem::path& directory) {
  return {directory / "executor.crt", directory / "executor.key", directory / "ca.crt"};
}

} // namespace salamander::actors
