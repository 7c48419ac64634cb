#include "../../support/scratch.hpp"

#include <salamander/rdd/text_reader.hpp>

#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <optional>
#include <random>
#include <utility>

namespace {

using namespace salamander;
using namespace salamander::core;
using test_support::scratch;
using lines = std::vector<std::string>;

/// What a reader should yield, the plain way.
lines reference_lines(std::string_view text) {
  lines all;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\n' && text[i] != '\r') {
      line += text[i];
      continue;
    }
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
      ++i;
    all.push_back(std::exchange(line, {}));
  }
  if (!line.empty())
    all.push_back(line);
  return all;
}

lines read_split(const file_split& split, std::size_t chunk = 256 << 10, std::size_t most = 1000) {
  text_reader_options options;
  options.chunk_bytes = chunk;
  text_reader reader(split, options);
  lines all;
  std::vector<std::string_view> views;
  while (reader.next(views, most))
    all.insert(all.end(), views.begin(), views.end());
  CHECK_FALSE(reader.next(views, most));
  return all;
}

lines read_file(const std::string& path, std::size_t chunk = 256 << 10, std::size_t most = 1000) {
  return read_split({path, 0, std::filesystem::file_size(path), compression_of(path)}, chunk, most);
}

/// The lines of all splits of `split_bytes` one after the other.
lines read_in_splits(const std::string& path, std::uint64_t split_bytes, std::size_t chunk, std::size_t most) {
  lines all;
  const auto size = std::filesystem::file_size(path);
  for (std::uint64_t offset = 0; offset < size; offset += split_bytes)
    for (auto& line : read_split({path, offset, std::min(split_bytes, size - offset), compression::none}, chunk, most))
      all.push_back(std::move(line));
  return all;
}

std::string gzip(std::string_view text) {
  z_stream state{};
  REQUIRE(::deflateInit2(&state, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(::deflateBound(&state, text.size()) + 64, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&state, Z_FINISH) == Z_STREAM_END);
  out.resize(state.total_out);
  ::deflateEnd(&state);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::optional<errc> code_of_reading(const std::string& path) {
  try {
    read_file(path);
    return std::nullopt;
  } catch (const error& failure) {
    CHECK(std::string(failure.what()).find(path) != std::string::npos);
    return failure.code();
  }
}

std::string numbered_lines(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += "line " + std::to_string(i) + " of a text that compresses\n";
  return text;
}

} // namespace

TEST_CASE("lines end with a line feed, a carriage return, both, or the file") {
  const scratch dir;
  CHECK(read_file(dir.file("a", "one\ntwo\n")) == lines{"one", "two"});
  CHECK(read_file(dir.file("b", "one\ntwo")) == lines{"one", "two"});
  CHECK(read_file(dir.file("c", "one\r\ntwo\r\n")) == lines{"one", "two"});
  CHECK(read_file(dir.file("d", "one\rtwo\r")) == lines{"one", "two"});
  CHECK(read_file(dir.file("e", "one\r\rtwo\n\rthree\r\n\nfour")) == lines{"one", "", "two", "", "three", "", "four"});
  CHECK(read_file(dir.file("f", "\n\n")) == lines{"", ""});
  CHECK(read_file(dir.file("g", "\r\n")) == lines{""});
  CHECK(read_file(dir.file("h", "")).empty());
}

TEST_CASE("zero bytes and invalid UTF-8 are kept") {
  const scratch dir;
  const std::string odd("a\0b\n\xff\xfe\x80\n\0\n", 10);
  CHECK(read_file(dir.file("odd", odd)) == lines{std::string("a\0b", 3), "\xff\xfe\x80", std::string("\0", 1)});
}

TEST_CASE("every line belongs to exactly one split, wherever the cuts fall") {
  const scratch dir;
  std::mt19937 random(20240229);
  for (int round = 0; round < 60; ++round) {
    std::string text;
    const auto size = 1 + random() % 400;
    const auto dense = 2 + random() % 30;
    while (text.size() < size) {
      const auto kind = random() % dense;
      text += kind == 0 ? "\n" : kind == 1 ? "\r\n" : kind == 2 && round % 2 == 0 ? "\r" : "x";
      if (random() % 3 == 0)
        text += static_cast<char>('a' + random() % 26);
    }
    const auto path = dir.file("text", text);
    const auto expected = reference_lines(text);
    INFO("round ", round);
    for (const std::uint64_t split_bytes : {1ULL, 2ULL, 3ULL, 7ULL, 64ULL, 100ULL, 1000ULL})
      for (const std::size_t chunk : {1U, 2U, 5U, 64U, 4096U})
        REQUIRE(read_in_splits(path, split_bytes, chunk, 1 + random() % 9) == expected);
  }
}

TEST_CASE("splits as they are planned give the whole file") {
  const scratch dir;
  const auto text = numbered_lines(20'000);
  const auto path = dir.file("text", text);
  lines all;
  const auto splits = plan_splits(list_files(path), 7, 50'000);
  CHECK(splits.size() > 7);
  for (const auto& split : splits)
    for (auto& line : read_split(split))
      all.push_back(std::move(line));
  CHECK(all == reference_lines(text));
}

TEST_CASE("a line may be much longer than the buffer") {
  const scratch dir;
  const std::string line(100'000'000, 'x');
  const auto path = dir.file("long", "before\n" + line + "\nafter");
  text_reader_options options;
  std::size_t told = 0;
  options.on_growth = [&](std::size_t bytes) { told += bytes; };
  text_reader reader({path, 0, std::filesystem::file_size(path), compression::none}, options);
  std::vector<std::string_view> views;
  std::vector<std::size_t> sizes;
  while (reader.next(views, 100))
    for (const auto view : views)
      sizes.push_back(view.size());
  CHECK(sizes == std::vector<std::size_t>{6, line.size(), 5});
  CHECK(told >= line.size());
  CHECK(reader.bytes_read() == std::filesystem::file_size(path));
}

TEST_CASE("a line beyond the limit is an error that names file and place") {
  const scratch dir;
  const auto path = dir.file("long", "short\n" + std::string(5000, 'x'));
  text_reader_options options;
  options.chunk_bytes = 16;
  options.line_bytes_max = 1000;
  text_reader reader({path, 0, 5006, compression::none}, options);
  std::vector<std::string_view> views;
  REQUIRE(reader.next(views, 10));
  try {
    reader.next(views, 10);
    FAIL("no error");
  } catch (const error& failure) {
    CHECK(failure.code() == errc::out_of_memory);
    CHECK(std::string(failure.what()).find(path + ": the line at byte 6 is longer than 1000 bytes") == 0);
  }
}

TEST_CASE("gzip and zstd files are unpacked, members and frames one after the other") {
  const scratch dir;
  const auto first = numbered_lines(50'000);
  const auto second = std::string("and the rest\r\nwithout an end");
  const auto expected = reference_lines(first + second);
  CHECK(read_file(dir.file("a.gz", gzip(first + second))) == expected);
  CHECK(read_file(dir.file("b.gz", gzip(first) + gzip("") + gzip(second))) == expected);
  CHECK(read_file(dir.file("padded.gz", gzip(first) + gzip(second) + std::string(700'000, '\0'))) == expected);
  CHECK(read_file(dir.file("a.zst", zstd(first + second))) == expected);
  CHECK(read_file(dir.file("b.zst", zstd(first) + zstd("") + zstd(second))) == expected);
  CHECK(read_file(dir.file("a.gz", gzip(first + second)), 7, 3) == expected);
  CHECK(read_file(dir.file("b.zst", zstd(first) + zstd(second)), 7, 3) == expected);
  CHECK(read_file(dir.file("none.gz", gzip(""))).empty());
  CHECK(read_file(dir.file("none.zst", zstd(""))).empty());
}

TEST_CASE("truncated and damaged compressed files are reported with their path") {
  const scratch dir;
  const auto text = numbered_lines(5'000);
  for (const auto& [name, packed] : {std::pair{"a.gz", gzip(text)}, std::pair{"a.zst", zstd(text)}}) {
    CAPTURE(name);
    for (const std::size_t keep : {std::size_t{1}, std::size_t{3}, packed.size() / 2, packed.size() - 1})
      CHECK(code_of_reading(dir.file(name, packed.substr(0, keep))) == errc::corrupt_data);
    CHECK(code_of_reading(dir.file(name, packed + "garbage")) == errc::corrupt_data);
    CHECK(code_of_reading(dir.file(name, "this is plain text")) == errc::corrupt_data);
  }
  auto damaged = gzip(text);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  CHECK(code_of_reading(dir.file("b.gz", damaged)) == errc::corrupt_data);
}

TEST_CASE("a file that shrank or went away since it was listed is an error, one that grew is not") {
  const scratch dir;
  const auto path = dir.file("text", "one\ntwo\nthree\n");
  const file_split listed{path, 0, 14, compression::none};
  dir.file("text", "one\ntwo\n");
  CHECK_THROWS_WITH_AS(read_split(listed), doctest::Contains("became shorter"), const error&);
  dir.file("text", "one\ntwo\nthree\nfour\n");
  CHECK(read_split(listed) == lines{"one", "two", "three"});
  std::filesystem::remove(path);
  CHECK_THROWS_WITH_AS(read_split(listed), doctest::Contains("No such file"), const error&);
}
