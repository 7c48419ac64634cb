#include <salamander/rdd/byte_source.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <limits>

namespace salamander::core {
namespace {

constexpr std::size_t packed_bytes_max = 256U << 10; ///< compressed bytes held at a time

/// What both formats share: a window of compressed bytes, and how damage is reported.
class packed_source : public byte_source {
public:
  packed_source(const std::string& path, std::unique_ptr<byte_source> file)
      : path_(path), file_(std::move(file)), window_(std::make_unique<char[]>(packed_bytes_max)) {}

  std::uint64_t bytes_read() const noexcept override {
    return file_->bytes_read();
  }

protected:
  /// False at the end of the file. Requires: the window is used up.
  bool refill() {
    used_ = 0;
    filled_ = file_->read(window_.get(), packed_bytes_max);
    return filled_ != 0;
  }
  [[noreturn]] void corrupt(const char* format, const std::string& why) const {
    throw_error(errc::corrupt_data,
                path_ + " is damaged near byte " + std::to_string(bytes_read() - (filled_ - used_)) + ": " + format + " data " + why);
  }

  std::string path_;
  std::unique_ptr<byte_source> file_;
  std::unique_ptr<char[]> window_;
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
};

/// One gzip member after the other; zero bytes after the last one are padding, as gzip itself has it.
class gzip_source final : public packed_source {
public:
  gzip_source(const std::string& path, std::unique_ptr<byte_source> file) : packed_source(path, std::move(file)) {
    constexpr int window_bits = 15 + 16; // the largest window; gzip headers only
    if (::inflateInit2(&state_, window_bits) != Z_OK)
      throw_error(errc::out_of_memory, "no memory to unpack " + path);
  }
  ~gzip_source() override {
    ::inflateEnd(&state_);
  }

  std::size_t read(char* to, std::size_t size) override {
    const auto room = static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
    state_.next_out = reinterpret_cast<Bytef*>(to);
    state_.avail_out = room;
    while (state_.avail_out == room) {
      if (used_ == filled_ && !refill()) {
        if (inside_member_ || members_ == 0)
          corrupt("gzip", "ends too early");
        return 0;
      }
      if (!inside_member_ && !begin_member())
        continue;
      state_.next_in = reinterpret_cast<Bytef*>(window_.get() + used_);
      state_.avail_in = static_cast<uInt>(filled_ - used_);
      const int outcome = ::inflate(&state_, Z_NO_FLUSH);
      used_ = filled_ - state_.avail_in;
      if (outcome == Z_STREAM_END)
        inside_member_ = false;
      else if (outcome != Z_OK)
        corrupt("gzip", std::string("is wrong (") + (state_.msg != nullptr ? state_.msg : ::zError(outcome)) + ")");
    }
    return room - state_.avail_out;
  }

private:
  /// False when the window held only padding.
  bool begin_member() {
    while (members_ != 0 && used_ < filled_ && window_[used_] == '\0')
      ++used_;
    if (used_ == filled_)
      return false;
    if (members_ != 0)
      ::inflateReset(&state_);
    ++members_;
    inside_member_ = true;
    return true;
  }

  z_stream state_{};
  std::uint64_t members_ = 0;
  bool inside_member_ = false;
};

class zstd_source final : public packed_source {
public:
  zstd_source(const std::string& path, std::unique_ptr<byte_source> file)
      : packed_source(path, std::move(file)), state_(::ZSTD_createDStream(), &::ZSTD_freeDStream) {
    if (!state_)
      throw_error(errc::out_of_memory, "no memory to unpack " + path);
  }

  std::size_t read(char* to, std::size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      // With nothing left to feed, a frame may still have output to hand over.
      const bool at_end = used_ == filled_ && !refill();
      if (at_end && !inside_frame_) {
        if (!any_)
          corrupt("zstd", "ends too early");
        return 0;
      }
      ZSTD_inBuffer in{window_.get(), filled_, used_};
      const auto outcome = ::ZSTD_decompressStream(state_.get(), &out, &in);
      used_ = in.pos;
      if (::ZSTD_isError(outcome))
        fail(outcome);
      any_ = true;
      inside_frame_ = outcome != 0;
      if (at_end && inside_frame_ && out.pos == 0)
        corrupt("zstd", "ends too early");
    }
    return out.pos;
  }

private:
  [[noreturn]] void fail(std::size_t outcome) const {
    if (::ZSTD_getErrorCode(outcome) == ZSTD_error_frameParameter_windowTooLarge)
      throw_error(errc::out_of_memory, path_ + " was compressed with a window of more than 128 MiB (zstd --long or --ultra); "
                                               "compress it with a smaller one");
    corrupt("zstd", std::string("is wrong (") + ::ZSTD_getErrorName(outcome) + ")");
  }

  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> state_;
  bool inside_frame_ = false;
  bool any_ = false;
};

} // namespace

compression compression_of(std::string_view path) noexcept {
  if (path.ends_with(".gz"))
    return compression::gzip;
  return path.ends_with(".zst") ? compression::zstd : compression::none;
}

const char* suffix_of(compression packing) noexcept {
  constexpr const char* suffixes[] = {"", ".gz", ".zst"};
  return suffixes[static_cast<std::size_t>(packing)];
}

std::unique_ptr<byte_source> open_source(const std::string& path, compression packing, std::uint64_t offset, std::uint64_t must_reach) {
  auto file = file_system_of(path).open(path, offset, must_reach);
  switch (packing) {
  case compression::none:
    break;
  case compression::gzip:
    return std::make_unique<gzip_source>(path, std::move(file));
  case compression::zstd:
    return std::make_unique<zstd_source>(path, std::move(file));
  }
  return file;
}

} // namespace salamander::core
