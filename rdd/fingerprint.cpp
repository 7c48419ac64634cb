#include <salamander/rdd/fingerprint.hpp>

#include <bit>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace salamander::core {

#if defined(__x86_64__)

namespace {

/// Two checksums side by side: the instruction takes three cycles, and one of each can be on its way in every one of them.
struct lanes {
  std::uint64_t a;
  std::uint64_t b;

  explicit lanes(std::uint64_t state) noexcept : a(state & 0xffffffff), b(state >> 32) {}
  std::uint64_t state() const noexcept {
    return (b << 32) | a;
  }

  /// Rows of even and of odd ordinal have a lane each, however many come at once: the first one here takes the lane of `row`.
  lanes(std::uint64_t state, std::uint64_t row) noexcept : lanes(row % 2 == 0 ? state : std::rotl(state, 32)) {}
  std::uint64_t state_at(std::uint64_t row) const noexcept {
    return row % 2 == 0 ? state() : std::rotl(state(), 32);
  }
};

template <class Word>
[[gnu::always_inline]] inline std::uint64_t load(const char* at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// All of 1 to 7 bytes as one word.
[[gnu::always_inline]] inline std::uint64_t load_few(const char* at, std::size_t size) noexcept {
  if (size >= 4)
    return load<std::uint32_t>(at) | (load<std::uint32_t>(at + size - 4) << 32);
  return load<std::uint8_t>(at) | (load<std::uint8_t>(at + size / 2) << 8) | (load<std::uint8_t>(at + size - 1) << 16);
}

/// The last word of more than 8 bytes overlaps the one before it.
[[gnu::target("sse4.2"), gnu::always_inline]] inline std::uint64_t add_piece(std::uint64_t lane, const char* at,
                                                                             std::size_t size) noexcept {
  if (size < 8)
    return size == 0 ? lane : _mm_crc32_u64(lane, load_few(at, size));
  const char* const last = at + size - 8;
  for (; at < last; at += 8)
    lane = _mm_crc32_u64(lane, load<std::uint64_t>(at));
  return _mm_crc32_u64(lane, load<std::uint64_t>(last));
}

template <class Word>
[[gnu::target("sse4.2"), gnu::always_inline]] inline std::uint64_t add_words(std::uint64_t state, std::uint64_t row, const char* at,
                                                                             std::size_t stride, std::size_t count) noexcept {
  lanes both(state, row);
  for (; count >= 2; count -= 2, at += 2 * stride) {
    both.a = _mm_crc32_u64(both.a, load<Word>(at));
    both.b = _mm_crc32_u64(both.b, load<Word>(at + stride));
  }
  if (count != 0)
    both.a = _mm_crc32_u64(both.a, load<Word>(at));
  return both.state_at(row);
}

/// A text by itself, so that the processor can work on several at a time.
[[gnu::target("sse4.2"), gnu::always_inline]] inline std::uint64_t of_text(std::string_view text) noexcept {
  return add_piece(_mm_crc32_u64(0, text.size()), text.data(), text.size());
}

} // namespace

bool fingerprints_possible() noexcept {
  static const bool possible = __builtin_cpu_supports("sse4.2");
  return possible;
}

[[gnu::target("sse4.2")]] std::uint64_t fingerprint_bytes(std::uint64_t state, const void* bytes, std::size_t size) noexcept {
  const char* at = static_cast<const char*>(bytes);
  lanes both(state);
  for (; size >= 16; size -= 16, at += 16) {
    both.a = _mm_crc32_u64(both.a, load<std::uint64_t>(at));
    both.b = _mm_crc32_u64(both.b, load<std::uint64_t>(at + 8));
  }
  if (size >= 8) {
    both.a = _mm_crc32_u64(both.a, load<std::uint64_t>(at));
    at += 8;
    size -= 8;
  }
  if (size != 0)
    both.b = _mm_crc32_u64(both.b, load_few(at, size));
  return both.state();
}

[[gnu::target("sse4.2")]] std::uint64_t fingerprint_pieces(std::uint64_t state, std::uint64_t row, const void* first, std::size_t stride,
                                                           std::size_t size, std::size_t count) noexcept {
  const char* at = static_cast<const char*>(first);
  switch (size) {
  case 1:
    return add_words<std::uint8_t>(state, row, at, stride, count);
  case 2:
    return add_words<std::uint16_t>(state, row, at, stride, count);
  case 4:
    return add_words<std::uint32_t>(state, row, at, stride, count);
  case 8:
    return add_words<std::uint64_t>(state, row, at, stride, count);
  default:
    break;
  }
  lanes both(state, row);
  for (; count >= 2; count -= 2, at += 2 * stride) {
    both.a = add_piece(both.a, at, size);
    both.b = add_piece(both.b, at + stride, size);
  }
  if (count != 0)
    both.a = add_piece(both.a, at, size);
  return both.state_at(row);
}

[[gnu::target("sse4.2")]] std::uint64_t fingerprint_texts(std::uint64_t state, std::uint64_t row, const std::string_view* first,
                                                          std::size_t stride, std::size_t count) noexcept {
  const auto* at = reinterpret_cast<const char*>(first);
  const auto text_at = [](const char* where) -> const std::string_view& { return *reinterpret_cast<const std::string_view*>(where); };
  lanes both(state, row);
  for (; count >= 2; count -= 2, at += 2 * stride) {
    both.a = _mm_crc32_u64(both.a, of_text(text_at(at)));
    both.b = _mm_crc32_u64(both.b, of_text(text_at(at + stride)));
  }
  if (count != 0)
    both.a = _mm_crc32_u64(both.a, of_text(text_at(at)));
  return both.state_at(row);
}

#else

// Without the instruction a fingerprint would cost as much as the work itself. These are never called.
bool fingerprints_possible() noexcept {
  return false;
}
std::uint64_t fingerprint_bytes(std::uint64_t, const void*, std::size_t) noexcept {
  return 0;
}
std::uint64_t fingerprint_pieces(std::uint64_t, std::uint64_t, const void*, std::size_t, std::size_t, std::size_t) noexcept {
  return 0;
}
std::uint64_t fingerprint_texts(std::uint64_t, std::uint64_t, const std::string_view*, std::size_t, std::size_t) noexcept {
  return 0;
}

#endif

std::uint64_t fingerprint_detail::combine(const columns& all) noexcept {
  std::uint64_t whole = mix(all.rows ^ k, k);
  for (const auto state : all.states)
    whole = mix(whole ^ state, k);
  return whole == 0 ? 1 : whole;
}

} // namespace salamander::core
