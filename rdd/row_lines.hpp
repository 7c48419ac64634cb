// The lines of a split with their numbers.
#pragma once

#include <salamander/rdd/text_reader.hpp>

#include <array>

namespace salamander::core {

/// Lines that begin in a [0, offset) of a plain file. Reads all of that. Errors: of open_source and byte_source.
std::uint64_t lines_that_begin_before(const std::string& path, std::uint64_t offset);

/// One line at a time. A byte order mark in front of the file is no part of its first line. Used by one thread. Errors: of text_reader.
class row_lines {
public:
  row_lines(const file_split& split, text_reader_options options);

  /// False at the end. `line` is valid until the next call.
  bool next(std::string_view& line);
  /// Of the line that was returned last; 1 for the first of the file. Reads the file up to the split, once: for messages.
  std::uint64_t number() {
    return number_of(count_);
  }
  /// Of the n-th line of the split; the first is 1.
  std::uint64_t number_of(std::uint64_t n);
  /// Lines returned so far.
  std::uint64_t count() const noexcept {
    return count_;
  }
  const std::string& path() const noexcept {
    return split_.path;
  }
  std::uint64_t bytes_read() const noexcept {
    return reader_.bytes_read();
  }

private:
  file_split split_;
  text_reader reader_;
  std::array<std::string_view, 512> lines_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t before_ = 0;
  bool counted_ = false;
};

} // namespace salamander::core
