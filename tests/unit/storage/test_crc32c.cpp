#include <salamander/storage/crc32c.hpp>

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

namespace {

using namespace salamander::storage;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_CASE("a checksum is the one that the standard gives for known texts") {
  CHECK(crc32c(bytes_of("123456789")) == 0xe3069283U);
  CHECK(crc32c({}) == 0U);
  CHECK(crc32c(std::vector<std::byte>(32)) == 0x8a9136aaU);
  CHECK(crc32c_portable(bytes_of("123456789")) == 0xe3069283U);
}

TEST_CASE("tables and instruction agree for every length and start") {
  std::vector<std::byte> data(300);
  unsigned state = 1;
  for (auto& one : data) {
    state = state * 1103515245U + 12345U;
    one = static_cast<std::byte>(state >> 16);
  }
  for (std::size_t start = 0; start < 9; ++start)
    for (std::size_t length = 0; start + length <= data.size(); ++length) {
      const auto part = std::span<const std::byte>(data).subspan(start, length);
      REQUIRE(crc32c(part) == crc32c_portable(part));
    }
}

TEST_CASE("tables and instruction agree for data that is read at several places at once") {
  std::vector<std::byte> data(13 * 1024 + 5);
  unsigned state = 7;
  for (auto& one : data) {
    state = state * 1103515245U + 12345U;
    one = static_cast<std::byte>(state >> 16);
  }
  for (const std::size_t length : {3071U, 3072U, 3073U, 6143U, 6144U, 6151U, 9216U, 12288U, 13311U})
    for (const std::size_t start : {0U, 1U, 6U}) {
      CAPTURE(length);
      const auto part = std::span<const std::byte>(data).subspan(start, length);
      REQUIRE(crc32c(part) == crc32c_portable(part));
      REQUIRE(crc32c(part, 0x12345678U) == crc32c_portable(part, 0x12345678U));
    }
}

TEST_CASE("a checksum can be taken in parts") {
  const auto all = bytes_of("regrows what it loses, and lives in the fire");
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    CHECK(crc32c(all.subspan(cut), crc32c(all.first(cut))) == crc32c(all));
    CHECK(crc32c_portable(all.subspan(cut), crc32c_portable(all.first(cut))) == crc32c(all));
  }
}

TEST_CASE("every single flipped bit changes the checksum") {
  std::vector<std::byte> data(64, std::byte{0x5a});
  const auto whole = crc32c(data);
  for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    data[bit / 8] ^= mask;
    REQUIRE(crc32c(data) != whole);
    data[bit / 8] ^= mask;
  }
}

} // namespace
