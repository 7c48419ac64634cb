#include <salamander/storage/crc32c.hpp>

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace salamander::storage {
namespace {

using tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr tables make_tables() {
  tables made{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0U);
    made[0][i] = value;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t t = 1; t < 8; ++t)
      made[t][i] = (made[t - 1][i] >> 8) ^ made[0][made[t - 1][i] & 0xff];
  return made;
}

constexpr tables table = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint64_t crc = ~before;
  const auto* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left != 0; --left, ++at)
    narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*at));
  return ~narrow;
}
#endif

using function = std::uint32_t (*)(std::span<const std::byte>, std::uint32_t) noexcept;

// Only a build that measures what fault tolerance costs does without; see rdd/fault_tolerance.hpp.
#ifdef SALAMANDER_WITHOUT_FAULT_TOLERANCE
constexpr bool checking = false;
#else
constexpr bool checking = true;
#endif

function choose() noexcept {
  if constexpr (!checking)
    return [](std::span<const std::byte>, std::uint32_t before) noexcept { return before; };
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2"))
    return &crc32c_sse42;
#endif
  return &crc32c_portable;
}

} // namespace

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  auto left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint32_t low = crc ^ (at[0] | at[1] << 8 | at[2] << 16 | static_cast<std::uint32_t>(at[3]) << 24);
    crc = table[7][low & 0xff] ^ table[6][(low >> 8) & 0xff] ^ table[5][(low >> 16) & 0xff] ^ table[4][low >> 24] ^ table[3][at[4]] ^
          table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
  }
  for (; left != 0; --left, ++at)
    crc = (crc >> 8) ^ table[0][(crc ^ *at) & 0xff];
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  static const function chosen = choose();
  return chosen(bytes, before);
}

} // namespace salamander::storage
