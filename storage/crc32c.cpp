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

// The instruction takes three cycles and can begin in each: long data is read at three places at once. The checksum of a part is carried
// over the parts behind it as if they were zeros, which is linear in its bits.
constexpr std::size_t part_bytes = 1024;

using bit_map = std::array<std::uint32_t, 32>; ///< where each bit goes

constexpr std::uint32_t apply(const bit_map& map, std::uint32_t to) {
  std::uint32_t sum = 0;
  for (const auto one : map) {
    sum ^= (to & 1) != 0 ? one : 0U;
    to >>= 1;
  }
  return sum;
}

using carry_table = std::array<std::array<std::uint32_t, 256>, 4>;

/// What `part_bytes` zeros make of each byte of a checksum.
constexpr carry_table make_carry() {
  bit_map zeros{};
  for (std::uint32_t bit = 0; bit < 32; ++bit)
    zeros[bit] = (1U << bit >> 8) ^ table[0][(1U << bit) & 0xff];
  for (std::size_t bytes = 1; bytes < part_bytes; bytes *= 2) {
    bit_map twice{};
    for (std::size_t bit = 0; bit < 32; ++bit)
      twice[bit] = apply(zeros, zeros[bit]);
    zeros = twice;
  }
  carry_table made{};
  for (std::uint32_t place = 0; place < 4; ++place)
    for (std::uint32_t value = 0; value < 256; ++value)
      made[place][value] = apply(zeros, value << (8 * place));
  return made;
}

constexpr carry_table carry = make_carry();

constexpr std::uint32_t carried(std::uint32_t crc) {
  return carry[0][crc & 0xff] ^ carry[1][(crc >> 8) & 0xff] ^ carry[2][(crc >> 16) & 0xff] ^ carry[3][crc >> 24];
}

inline std::uint64_t word_at(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint64_t crc = ~before;
  const auto* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 3 * part_bytes; left -= 3 * part_bytes, at += 2 * part_bytes) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const auto* const end = at + part_bytes; at != end; at += 8) {
      crc = _mm_crc32_u64(crc, word_at(at));
      second = _mm_crc32_u64(second, word_at(at + part_bytes));
      third = _mm_crc32_u64(third, word_at(at + 2 * part_bytes));
    }
    crc = carried(carried(static_cast<std::uint32_t>(crc)) ^ static_cast<std::uint32_t>(second)) ^ third;
  }
  for (; left >= 8; left -= 8, at += 8)
    crc = _mm_crc32_u64(crc, word_at(at));
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
