#include <salamander/rdd/text_reader.hpp>

#include <salamander/rdd/error.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace salamander::core {
namespace {

constexpr std::size_t beyond_split_bytes = 16U << 10; ///< read at a time to finish the last line of a split
constexpr std::ptrdiff_t block_bytes = 64;

/// Which of the 64 bytes at `at` are terminators, as bits.
template <bool Returns>
[[gnu::always_inline]] inline std::uint64_t terminators_of_block(const char* at) noexcept {
  std::uint64_t bits = 0;
#ifdef __SSE2__
  const auto line_feeds = _mm_set1_epi8('\n');
  const auto returns = _mm_set1_epi8('\r');
  const auto add = [&]<unsigned I>(std::integral_constant<unsigned, I>) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + I);
    auto equal = _mm_cmpeq_epi8(bytes, line_feeds);
    if constexpr (Returns)
      equal = _mm_or_si128(equal, _mm_cmpeq_epi8(bytes, returns));
    bits |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(equal))} << (16 * I);
  };
  add(std::integral_constant<unsigned, 0>());
  add(std::integral_constant<unsigned, 1>());
  add(std::integral_constant<unsigned, 2>());
  add(std::integral_constant<unsigned, 3>());
#else
  for (unsigned i = 0; i < block_bytes; ++i)
    bits |= std::uint64_t{at[i] == '\n' || (Returns && at[i] == '\r')} << i;
#endif
  return bits;
}

/// Where the scan of a buffer stands.
struct scan_state {
  const char* line;    ///< begin of the current line
  const char* scanned; ///< no terminator before
  bool after_return;   ///< a \n at `line` belongs to the \r before it
};

/// Puts lines that end before `limit` at `to`, at most `most` of them.
/// A \r ends its line at once; a \n right after it ends nothing, so that no byte beyond the buffer has to be known.
template <bool Returns>
[[gnu::always_inline]] inline std::size_t scan_lines_in(scan_state& at, const char* limit, std::string_view* to,
                                                        std::size_t most) noexcept {
  auto* out = to;
  auto* const out_end = to + most;
  const char* line = at.line;
  const char* block = at.scanned;
  [[maybe_unused]] bool after_return = at.after_return;
  // True when the room is used up; `end` is where a terminator is.
  const auto finish_line = [&](const char* end) {
    if constexpr (Returns) {
      const bool second_half = after_return && end == line && *end == '\n';
      after_return = *end == '\r';
      if (second_half) {
        line = end + 1;
        return false;
      }
    }
    *out++ = std::string_view(line, static_cast<std::size_t>(end - line));
    line = end + 1;
    return out == out_end;
  };
  const auto stop = [&](const char* scanned) {
    at = {line, scanned, Returns && after_return};
    return static_cast<std::size_t>(out - to);
  };
  for (; limit - block >= block_bytes; block += block_bytes)
    for (auto bits = terminators_of_block<Returns>(block); bits != 0; bits &= bits - 1)
      if (finish_line(block + std::countr_zero(bits)))
        return stop(line);
  for (; block < limit; ++block)
    if ((*block == '\n' || (Returns && *block == '\r')) && finish_line(block))
      return stop(line);
  return stop(limit);
}

#ifdef __x86_64__
/// The same, compiled for the bit instructions of newer processors.
template <bool Returns>
[[gnu::target("avx2,bmi")]] std::size_t scan_lines_fast(scan_state& at, const char* limit, std::string_view* to,
                                                        std::size_t most) noexcept {
  return scan_lines_in<Returns>(at, limit, to, most);
}
#endif

template <bool Returns>
std::size_t scan_lines(scan_state& at, const char* limit, std::string_view* to, std::size_t most) noexcept {
#ifdef __x86_64__
  static const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
  if (fast)
    return scan_lines_fast<Returns>(at, limit, to, most);
#endif
  return scan_lines_in<Returns>(at, limit, to, most);
}

} // namespace

text_reader::text_reader(const file_split& split, text_reader_options options)
    : options_(std::move(options)), end_(split.offset + split.length) {
  const bool plain = split.packing == compression::none;
  // The terminator of the line before may be the last byte before the split.
  begin_of_buffer_ = plain && split.offset != 0 ? split.offset - 1 : 0;
  source_ = open_source(split.path, split.packing, begin_of_buffer_, end_);
  if (!plain)
    end_ = std::numeric_limits<std::uint64_t>::max();
  capacity_ = std::max<std::size_t>(options_.chunk_bytes, 1);
  if (options_.on_growth)
    options_.on_growth(capacity_);
  buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
  path_ = split.path;
  skipping_ = plain && split.offset != 0;
}

/// Leaves the line that began in an earlier split.
void text_reader::skip_first_line() {
  skipping_ = false;
  for (;;) {
    const auto* const begin = buffer_.get() + line_;
    const auto* const end = buffer_.get() + filled_;
    const auto* const found = std::find_if(begin, end, [](char c) { return c == '\n' || c == '\r'; });
    if (found != end) {
      line_ = scanned_ = static_cast<std::size_t>(found - buffer_.get()) + 1;
      after_return_ = *found == '\r';
      return;
    }
    line_ = scanned_ = filled_;
    if (position() >= end_ || !fill()) {
      finished_ = true;
      return;
    }
  }
}

bool text_reader::fill() {
  make_room();
  const auto begin = begin_of_buffer_ + filled_;
  const auto wanted = begin < end_ ? end_ - begin : std::uint64_t{beyond_split_bytes};
  const auto got = source_->read(buffer_.get() + filled_, static_cast<std::size_t>(std::min<std::uint64_t>(capacity_ - filled_, wanted)));
  returns_in_chunk_ = got != 0 && std::memchr(buffer_.get() + filled_, '\r', got) != nullptr;
  filled_ += got;
  return got != 0;
}

/// Moves the begun line to the front, and doubles the buffer when that line takes more than half of it.
void text_reader::make_room() {
  const auto kept = filled_ - line_;
  if (kept > options_.line_bytes_max)
    throw_error(errc::out_of_memory, path_ + ": the line at byte " + std::to_string(position()) + " is longer than " +
                                         std::to_string(options_.line_bytes_max) + " bytes; is this a text file?");
  if (kept > capacity_ / 2 || kept == capacity_) {
    if (options_.on_growth)
      options_.on_growth(capacity_);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_ * 2);
    std::memcpy(larger.get(), buffer_.get() + line_, kept);
    buffer_ = std::move(larger);
    capacity_ *= 2;
  } else if (line_ != 0) {
    std::memmove(buffer_.get(), buffer_.get() + line_, kept);
  }
  begin_of_buffer_ += line_;
  scanned_ -= line_;
  filled_ = kept;
  line_ = 0;
}

/// Lines that end inside the split and inside the buffer.
std::size_t text_reader::take_lines(std::string_view* to, std::size_t most) {
  if (after_return_ && line_ < filled_) {
    after_return_ = false;
    if (buffer_[line_] == '\n')
      scanned_ = std::max(scanned_, ++line_);
  }
  const auto limit = static_cast<std::size_t>(std::min<std::uint64_t>(filled_, end_ - std::min(end_, begin_of_buffer_)));
  if (scanned_ >= limit)
    return 0;
  const char* const base = buffer_.get();
  scan_state at{base + line_, base + scanned_, after_return_};
  const auto count = returns_in_chunk_ ? scan_lines<true>(at, base + limit, to, most) : scan_lines<false>(at, base + limit, to, most);
  line_ = static_cast<std::size_t>(at.line - base);
  scanned_ = static_cast<std::size_t>(at.scanned - base);
  after_return_ = at.after_return;
  return count;
}

/// The line that begins inside the split and ends outside, or with the file.
std::size_t text_reader::take_last_line(std::string_view* to) {
  const char* const base = buffer_.get();
  const auto* const end = base + filled_;
  const auto* const found = std::find_if(base + scanned_, end, [](char c) { return c == '\n' || c == '\r'; });
  scanned_ = filled_;
  if (found == end && !at_end_of_file_)
    return 0;
  finished_ = true;
  *to = std::string_view(base + line_, static_cast<std::size_t>(found - base) - line_);
  return 1;
}

std::size_t text_reader::next(std::string_view* to, std::size_t most) {
  if (skipping_)
    skip_first_line();
  while (!finished_ && most != 0) {
    if (const auto count = take_lines(to, most))
      return count;
    if (position() >= end_ || (at_end_of_file_ && line_ == filled_)) {
      finished_ = true;
    } else if (at_end_of_file_ || begin_of_buffer_ + filled_ > end_) {
      if (take_last_line(to) != 0)
        return 1;
      at_end_of_file_ = !fill();
    } else {
      at_end_of_file_ = !fill();
    }
  }
  return 0;
}

bool text_reader::next(std::vector<std::string_view>& lines, std::size_t most) {
  // Enough for what one chunk can hold: a larger vector would only be filled with zeros.
  lines.resize(std::min(most, capacity_ + 1));
  lines.resize(next(lines.data(), lines.size()));
  return !lines.empty();
}

} // namespace salamander::core
