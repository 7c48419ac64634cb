#include <salamander/rdd/row_lines.hpp>

#include <utility>

namespace salamander::core {

std::uint64_t lines_that_begin_before(const std::string& path, std::uint64_t offset) {
  if (offset == 0)
    return 0;
  constexpr std::size_t window_bytes = 256U << 10;
  const auto window = std::make_unique<char[]>(window_bytes);
  const auto source = open_source(path, compression::none, 0, offset);
  // A line begins at 0, and behind each terminator that ends before `offset`. A \r is one unless a \n follows.
  std::uint64_t begins = 1;
  bool after_return = false;
  for (auto left = offset; left != 0;) {
    const auto got = source->read(window.get(), static_cast<std::size_t>(std::min<std::uint64_t>(left, window_bytes)));
    left -= got;
    for (std::size_t i = 0; i < got; ++i) {
      const char c = window[i];
      const bool last = left == 0 && i + 1 == got;
      begins += (after_return && c != '\n') + (c == '\n' && !last);
      after_return = c == '\r';
    }
  }
  return begins;
}

row_lines::row_lines(const file_split& split, text_reader_options options) : split_(split), reader_(split, std::move(options)) {}

bool row_lines::next(std::string_view& line) {
  if (at_ == filled_) {
    filled_ = reader_.next(lines_.data(), lines_.size());
    at_ = 0;
    if (filled_ == 0)
      return false;
  }
  line = lines_[at_++];
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (++count_ == 1 && split_.offset == 0 && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  return true;
}

std::uint64_t row_lines::number_of(std::uint64_t n) {
  if (!std::exchange(counted_, true) && split_.packing == compression::none)
    before_ = lines_that_begin_before(split_.path, split_.offset);
  return before_ + n;
}

} // namespace salamander::core
