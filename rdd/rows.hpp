// How files of rows (CSV, JSON lines) are read into structs, and what becomes of rows that cannot be.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace salamander {

/// What happens to a row that is not what it is read as. (To collect such rows, read parsed<T>.)
enum class malformed : std::uint8_t {
  fail, ///< the job fails with errc::malformed_row: file, line, reason and the row
  drop  ///< it is left out
};

struct csv_options {
  char delimiter = ',';
  char quote = '"';
  bool header = false;                   ///< the first line of each file names its columns
  std::vector<std::string> columns = {}; ///< the column of each member, in order of declaration; empty: T::column_names, else by position
  bool multiline = false;                ///< quoted fields may hold line ends; then each file is one partition
  malformed on_malformed = malformed::fail;
};

struct json_options {
  std::vector<std::string> columns = {}; ///< the name of each member, in order of declaration; empty: T::column_names, else rows are lists
  malformed on_malformed = malformed::fail;
};

/// A row that could not be read.
struct malformed_row {
  std::string file;
  std::uint64_t line = 0; ///< of its begin; the first line is 1
  std::string text;       ///< at most 4 KiB of it
  std::string reason;

  bool operator==(const malformed_row&) const = default;
};

/// Read this instead of T to get malformed rows as records, in their places.
template <class T>
using parsed = std::variant<T, malformed_row>;

} // namespace salamander
