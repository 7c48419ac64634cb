#include <salamander/actors/cluster/sha256.hpp>

#include <salamander/rdd/error.hpp>

#include <openssl/evp.h>

namespace salamander::actors {

sha256::sha256() : context_(::EVP_MD_CTX_new()) {
  if (!context_ || ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) != 1)
    core::throw_error(errc::internal, "SHA-256 is not to be had from OpenSSL");
}

void sha256::add(std::string_view bytes) {
  ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string sha256::hex() {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  ::EVP_DigestFinal_ex(context_.get(), hash, &size);
  return hex_text({reinterpret_cast<const char*>(hash), size});
}

void sha256::freed::operator()(evp_md_ctx_st* context) const noexcept {
  ::EVP_MD_CTX_free(context);
}

std::string hex_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes)
    for (const int digit : {(byte >> 4) & 15, byte & 15})
      text += "0123456789abcdef"[digit];
  return text;
}

} // namespace salamander::actors
