#include <salamander/rdd/packer.hpp>

#include <salamander/rdd/error.hpp>

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

namespace salamander::core {
namespace {

constexpr std::size_t room_bytes = 128U << 10;

[[noreturn]] void no_memory() {
  throw_error(errc::out_of_memory, "no memory to pack a file");
}

class gzip_packer final : public packer {
public:
  gzip_packer() {
    constexpr int window_bits = 15 + 16; // the largest window, and a gzip header
    if (::deflateInit2(&state_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      no_memory();
  }
  ~gzip_packer() override {
    ::deflateEnd(&state_);
  }

  void pack(std::string_view bytes, std::string& out) override {
    while (!bytes.empty()) {
      const auto part = bytes.substr(0, std::numeric_limits<uInt>::max());
      state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      state_.avail_in = static_cast<uInt>(part.size());
      run(Z_NO_FLUSH, out);
      bytes.remove_prefix(part.size());
    }
  }
  void finish(std::string& out) override {
    state_.avail_in = 0;
    run(Z_FINISH, out);
  }

private:
  void run(int flush, std::string& out) {
    do {
      state_.next_out = room_;
      state_.avail_out = sizeof room_;
      ::deflate(&state_, flush);
      out.append(reinterpret_cast<const char*>(room_), sizeof room_ - state_.avail_out);
    } while (state_.avail_out == 0);
  }

  z_stream state_{};
  Bytef room_[room_bytes];
};

class zstd_packer final : public packer {
public:
  zstd_packer() : state_(::ZSTD_createCCtx(), &::ZSTD_freeCCtx) {
    if (!state_)
      no_memory();
    ::ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_checksumFlag, 1);
  }

  void pack(std::string_view bytes, std::string& out) override {
    run(bytes, ZSTD_e_continue, out);
  }
  void finish(std::string& out) override {
    run({}, ZSTD_e_end, out);
  }

private:
  void run(std::string_view bytes, ZSTD_EndDirective what, std::string& out) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer room{room_, sizeof room_, 0};
      const auto left = ::ZSTD_compressStream2(state_.get(), &room, &in, what);
      if (::ZSTD_isError(left))
        no_memory(); // the one thing that packing can fail for
      out.append(room_, room.pos);
      if (what == ZSTD_e_end ? left == 0 : in.pos == in.size)
        return;
    }
  }

  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> state_;
  char room_[room_bytes];
};

} // namespace

std::unique_ptr<packer> make_packer(compression packing) {
  switch (packing) {
  case compression::none:
    break;
  case compression::gzip:
    return std::make_unique<gzip_packer>();
  case compression::zstd:
    return std::make_unique<zstd_packer>();
  }
  return nullptr;
}

} // namespace salamander::core
