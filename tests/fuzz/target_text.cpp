// Lines of text files, read in chunks and splits of any size.
//
//   text_plain   u8 chunk size, u8 lines asked for at a time, u16 where the file is cut in two, the file
//   text_gzip    the same; where it is cut means nothing
//   text_zstd    the same
#include "fuzz.hpp"

#include <salamander/rdd/text_reader.hpp>

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

namespace {

using namespace fuzz;
using namespace salamander::core;

/// Small files may unpack to much: more is not looked at. A longer line is an error.
constexpr std::size_t unpacked_bytes_max = 1U << 20;
constexpr std::size_t line_bytes_max = 4U << 10;

struct reading {
  std::size_t chunk = 256U << 10;
  std::size_t lines = 2048;
};

/// The lines of a split, each with \n behind it.
std::string lines_of(const file_split& split, reading how) {
  std::uint64_t announced = 0;
  text_reader_options options;
  options.chunk_bytes = how.chunk;
  options.line_bytes_max = line_bytes_max;
  options.on_growth = [&](std::size_t bytes) { announced += bytes; };
  text_reader reader(split, std::move(options));
  std::vector<std::string_view> lines;
  std::string all;
  while (all.size() < unpacked_bytes_max && reader.next(lines, how.lines)) {
    expect(lines.size() <= how.lines, "no more lines than were asked for");
    for (const auto line : lines) {
      expect(line.find_first_of("\r\n") == std::string_view::npos, "a line has no end within");
      all.append(line) += '\n';
    }
  }
  expect(announced <= 8 * line_bytes_max + 2 * how.chunk, "a reader's buffer is not much longer than the longest line");
  return all;
}

/// What lines are, said as simply as possible.
std::string reference(std::string_view content) {
  std::string all;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '\r' && i + 1 < content.size() && content[i + 1] == '\n')
      ++i;
    all += content[i] == '\r' ? '\n' : content[i];
  }
  if (!all.empty() && content.back() != '\n' && content.back() != '\r')
    all += '\n';
  return all;
}

bool read_plain(input_bytes input) {
  controls head(input);
  const reading how{std::size_t{head.take<std::uint8_t>()} + 1, std::size_t{head.take<std::uint8_t>()} + 1};
  const std::uint64_t wanted = head.take<std::uint16_t>();
  const auto cut = std::min<std::uint64_t>(wanted, head.rest().size());
  const memory_file file(head.rest());
  const auto size = head.rest().size();
  std::string whole;
  if (!accepts([&] { whole = lines_of({file.path(), 0, size, salamander::compression::none}, how); }, {errc::out_of_memory}))
    return false;
  expect(whole == reference(text_of(head.rest())), "a file has the lines it has");
  const auto first = lines_of({file.path(), 0, cut, salamander::compression::none}, {});
  const auto second = cut == size ? std::string() : lines_of({file.path(), cut, size - cut, salamander::compression::none}, how);
  expect(first + second == whole, "every line is in exactly one split");
  return true;
}

template <salamander::compression Packing>
bool read_packed(input_bytes input) {
  controls head(input);
  const reading how{std::size_t{head.take<std::uint8_t>()} * 16 + 1, std::size_t{head.take<std::uint8_t>()} + 1};
  head.take<std::uint16_t>();
  const memory_file file(head.rest());
  const file_split split{file.path(), 0, head.rest().size(), Packing};
  std::string large;
  std::string small;
  const auto refusals = {errc::corrupt_data, errc::out_of_memory};
  const bool read = accepts([&] { large = lines_of(split, {}); }, refusals);
  // Reading stops early in a large file, so that damage further on may be seen by one of the two only.
  if (read && large.size() < unpacked_bytes_max / 2) {
    expect(accepts([&] { small = lines_of(split, how); }, refusals) && small == large, "a file has the lines it has, however it is read");
  } else {
    accepts([&] { small = lines_of(split, how); }, refusals);
  }
  return read;
}

// -- seeds ----------------------------------------------------------------------

byte_buffer with_controls(std::string_view file, std::uint8_t chunk = 7, std::uint16_t cut = 9) {
  return after_controls(file, chunk, std::uint8_t{3}, cut);
}

std::string gzipped(std::string_view content) {
  z_stream state{};
  expect(::deflateInit2(&state, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK, "gzip works");
  std::string out(::deflateBound(&state, content.size()), '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  state.avail_in = static_cast<uInt>(content.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  expect(::deflate(&state, Z_FINISH) == Z_STREAM_END, "gzip works");
  out.resize(state.total_out);
  ::deflateEnd(&state);
  return out;
}

std::string zstd_packed(std::string_view content, int window_log = 0) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> state(::ZSTD_createCCtx(), &::ZSTD_freeCCtx);
  ::ZSTD_CCtx_setParameter(state.get(), ZSTD_c_compressionLevel, 19);
  ::ZSTD_CCtx_setParameter(state.get(), ZSTD_c_checksumFlag, 1);
  ::ZSTD_CCtx_setParameter(state.get(), ZSTD_c_contentSizeFlag, window_log == 0 ? 1 : 0);
  if (window_log != 0)
    ::ZSTD_CCtx_setParameter(state.get(), ZSTD_c_windowLog, window_log);
  std::string out(::ZSTD_compressBound(content.size()), '\0');
  ZSTD_inBuffer from{content.data(), content.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  expect(::ZSTD_compressStream2(state.get(), &to, &from, ZSTD_e_end) == 0, "zstd works");
  out.resize(to.pos);
  return out;
}

constexpr std::string_view sample = "one\ntwo\r\nthree\rfour\n\n\r\n\xff\xfe\nlast";

std::vector<seed> plain_seeds() {
  return {{"lines", with_controls(sample), true},
          {"empty", with_controls(""), true},
          {"return-at-chunk-end", with_controls("123456\r\nnext\r"), true},
          {"cut-in-the-middle-of-an-end", with_controls("12345678\r\nnext\n", 200, 9), true},
          {"long-line", with_controls(std::string(3000, 'x') + '\n' + std::string(200, 'y'), 0, 3001), true},
          {"line-too-long", with_controls("short\n" + std::string(line_bytes_max + 1, 'x')), false}};
}

std::string bomb() {
  return std::string(4U << 20, 'a');
}

std::vector<seed> gzip_seeds() {
  const auto one = gzipped(sample);
  auto damaged = one;
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);
  return {{"lines", with_controls(one), true},
          {"members", with_controls(one + gzipped("second\n") + std::string(8, '\0')), true},
          {"empty-member", with_controls(gzipped("")), true},
          {"checksum", with_controls(damaged), false},
          {"cut", with_controls(one.substr(0, one.size() - 5)), false},
          {"no-gzip", with_controls("plain text\n"), false},
          {"nothing", with_controls(""), false},
          {"bomb", with_controls(gzipped(bomb())), false}};
}

std::vector<seed> zstd_seeds() {
  const auto one = zstd_packed(sample);
  auto damaged = one;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  return {{"lines", with_controls(one), true},
          {"frames", with_controls(one + zstd_packed("second\n") + std::string("\x50\x2a\x4d\x18\x02\x00\x00\x00xx", 10)), true},
          {"empty-frame", with_controls(zstd_packed("")), true},
          {"window", with_controls(zstd_packed(std::string(sample), 20)), true},
          {"checksum", with_controls(damaged), false},
          {"cut", with_controls(one.substr(0, one.size() - 5)), false},
          {"no-zstd", with_controls("plain text\n"), false},
          {"nothing", with_controls(""), false},
          {"bomb", with_controls(zstd_packed(bomb())), false}};
}

// Two readers with their windows of 256 KiB of compressed bytes, and what the target itself keeps of the lines.
constexpr std::size_t fixed = 8 * line_bytes_max + (2U << 20) + 4 * unpacked_bytes_max;
const registered plain({"text_plain", &read_plain, &plain_seeds, {fixed, 32}});
const registered gzip({"text_gzip", &read_packed<salamander::compression::gzip>, &gzip_seeds, {fixed, 32}});
// The header of a frame asks for the window that it was packed with; zstd itself allows 128 MiB.
const registered zstd({"text_zstd", &read_packed<salamander::compression::zstd>, &zstd_seeds, {fixed + (129U << 20), 32}});

} // namespace
