// The lines of one split of a text file, as views.
#pragma once

#include <salamander/rdd/byte_source.hpp>
#include <salamander/rdd/file_listing.hpp>

#include <functional>
#include <string_view>
#include <vector>

namespace salamander::core {

struct text_reader_options {
  std::size_t chunk_bytes = 256U << 10;       ///< read at a time; fits a core's own cache
  std::size_t line_bytes_max = 2'000'000'000; ///< a longer line is errc::out_of_memory
  std::function<void(std::size_t)> on_growth; ///< told how many bytes more the buffer takes, before it takes them; may throw
};

/// Reads the lines that begin inside a split, so that every line of a file belongs to exactly one of its splits.
/// A line ends with \n, \r\n, a lone \r, or the file; all other bytes, NUL and invalid UTF-8 among them, are kept as they are.
/// Used by one thread. Errors: of open_source and byte_source; the reader is unusable afterwards.
class text_reader {
public:
  explicit text_reader(const file_split& split, text_reader_options options = {});

  /// Puts the next 1 to `most` lines, without terminators, at `to`, and returns how many; 0 at the end.
  /// The views are valid until the next call. Fewer than `most` come whenever the buffer holds no further whole line.
  std::size_t next(std::string_view* to, std::size_t most);

  /// The same into a vector, whose old content goes. False at the end.
  bool next(std::vector<std::string_view>& lines, std::size_t most);

  /// Bytes taken from the file so far: compressed ones, if it is compressed.
  std::uint64_t bytes_read() const noexcept {
    return source_->bytes_read();
  }
  /// Where the first line not yet returned begins, in the (unpacked) file; for messages.
  std::uint64_t position() const noexcept {
    return begin_of_buffer_ + line_;
  }

private:
  std::size_t take_lines(std::string_view* to, std::size_t most);
  std::size_t take_last_line(std::string_view* to);
  bool fill();
  void make_room();
  void skip_first_line();

  text_reader_options options_;
  std::string path_;
  std::unique_ptr<byte_source> source_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::uint64_t begin_of_buffer_ = 0; ///< offset in the file of buffer_[0]
  std::uint64_t end_;                 ///< lines that begin here or later are another split's
  std::size_t line_ = 0;              ///< begin of the first line not yet returned
  std::size_t scanned_ = 0;           ///< no terminator between line_ and here
  std::size_t filled_ = 0;
  bool after_return_ = false;     ///< a \r ended the last line: a \n at line_ belongs to it
  bool returns_in_chunk_ = false; ///< a \r lies somewhere between scanned_ and filled_
  bool at_end_of_file_ = false;
  bool skipping_ = false; ///< the line that began in the split before is still ahead
  bool finished_ = false;
};

} // namespace salamander::core
