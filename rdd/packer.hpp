// Packs bytes on their way into a file.
#pragma once

#include <salamander/rdd/compression.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace salamander::core {

/// One compressed stream: a gzip member or a zstd frame. Used by one thread. Errors: errc::out_of_memory.
class packer {
public:
  packer() = default;
  packer(const packer&) = delete;
  packer& operator=(const packer&) = delete;
  virtual ~packer() = default;

  /// Appends to `out` what can be said of `bytes` so far.
  virtual void pack(std::string_view bytes, std::string& out) = 0;
  /// Appends the end of the stream. Nothing may be packed afterwards.
  virtual void finish(std::string& out) = 0;
};

/// Null for compression::none. Levels: those that the tools `gzip` and `zstd` have by themselves.
std::unique_ptr<packer> make_packer(compression packing);

} // namespace salamander::core
