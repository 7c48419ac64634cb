// Rows of JSON lines.
#pragma once

#include <salamander/rdd/json_value.hpp>
#include <salamander/rdd/row_lines.hpp>
#include <salamander/rdd/rows.hpp>

#include <memory>

namespace salamander::core {

/// Reads the lines of one split as JSON documents. Used by one thread. Errors: of text_reader.
class json_reader {
public:
  json_reader(const file_split& split, text_reader_options reading);
  ~json_reader();

  enum class outcome : std::uint8_t { row, malformed, end };
  /// What comes next. Lines of nothing but blanks are no rows.
  outcome next();

  /// Of the row; valid until the next call.
  json_value value() const noexcept;
  /// Why the row is malformed.
  const std::string& reason() const noexcept;
  /// The row as it is in the file, if somebody wants to tell of it.
  malformed_row row(std::string reason);
  std::uint64_t bytes_read() const noexcept;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace salamander::core
