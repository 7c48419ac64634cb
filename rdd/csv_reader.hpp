// Rows of CSV files, field by field.
#pragma once

#include <salamander/rdd/row_lines.hpp>
#include <salamander/rdd/rows.hpp>

#include <memory>
#include <span>

namespace salamander::core {

/// One field of a row.
struct csv_field {
  std::string_view text;
  bool null = false; ///< there is nothing between the delimiters, not even quotes
};

/// Reads the rows of one split; fields come in the order of the members that they are for. Used by one thread.
/// Errors: of text_reader; errc::malformed_row when the header lacks a column.
class csv_reader {
public:
  static constexpr std::size_t row_bytes_max = 64U << 20;

  /// `members`: fields that a row must have, unless columns are found by name.
  csv_reader(const file_split& split, const csv_options& options, std::size_t members, text_reader_options reading);
  ~csv_reader();

  enum class outcome : std::uint8_t { row, malformed, end };
  /// What comes next. Lines without any character are no rows.
  outcome next();

  /// Of the row; valid until the next call.
  std::span<const csv_field> fields() const noexcept;
  /// "column 2 ('km')", for the field of member `i`.
  std::string place_of(std::size_t i) const;
  /// Why the row is malformed.
  const std::string& reason() const noexcept;
  /// The row as it is in the file, if somebody wants to tell of it.
  malformed_row row(std::string reason);
  std::uint64_t bytes_read() const noexcept;

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Errors: errc::malformed_row when the file's header lacks one of `columns`; errc::io_error; errc::corrupt_data.
void check_csv_header(const input_file& file, const csv_options& options, std::size_t members);

} // namespace salamander::core
