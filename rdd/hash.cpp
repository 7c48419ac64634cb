#include <salamander/rdd/hash.hpp>

namespace salamander::core {

// Two independent lanes of 16 bytes a step; the tail is read overlapping, so that no byte is handled alone.
std::uint64_t hash_long_text(const char* data, std::size_t size) noexcept {
  constexpr std::uint64_t k0 = 0xa0761d6478bd642fULL;
  constexpr std::uint64_t k1 = 0xe7037ed1a0b428dbULL;
  const auto word = [](const char* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, 8);
    return value;
  };
  std::uint64_t left = k0 ^ size;
  std::uint64_t right = k1;
  const char* at = data;
  const char* const end = data + size;
  while (end - at > 32) {
    left = mix(word(at) ^ k0, word(at + 8) ^ left);
    right = mix(word(at + 16) ^ k1, word(at + 24) ^ right);
    at += 32;
  }
  if (end - at > 16)
    left = mix(word(at) ^ k0, word(at + 8) ^ left);
  return mix(mix(word(end - 16) ^ k1, word(end - 8) ^ left) ^ right, k0 ^ size);
}

} // namespace salamander::core
