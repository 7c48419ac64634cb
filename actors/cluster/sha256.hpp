// The name of stored content: SHA-256 in lower-case hex.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace salamander::actors {

/// Threads: one at a time.
class sha256 {
public:
  /// Errors: errc::internal when OpenSSL does not have it.
  sha256();
  void add(std::string_view bytes);
  /// Of all that was added. Requires: called once.
  std::string hex();

private:
  struct freed {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, freed> context_;
};

std::string hex_text(std::string_view bytes);

} // namespace salamander::actors
