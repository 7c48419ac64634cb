// Lines of numbers, as the learning programs read them: a block of rows for each partition.
#pragma once

#include <salamander/salamander.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/// Rows of equally many numbers, one after the other: one record for a whole partition, so that a row costs no allocation.
struct rows {
  std::uint64_t columns = 0; ///< 0 when there are no rows
  std::vector<double> values;

  std::size_t size() const noexcept {
    return columns == 0 ? 0 : values.size() / columns;
  }
  const double* row(std::size_t i) const noexcept {
    return values.data() + i * columns;
  }
};

/// Takes the next number off the front of `line`. Errors: std::runtime_error with the text that is none.
double take_number(std::string_view& line);

/// The next whole number. Errors: as take_number.
std::uint64_t take_integer(std::string_view& line);

/// The row of `centres` with the least distance to a point of as many coordinates; the first of several.
inline std::size_t nearest_row(const double* point, const rows& centres) {
  std::size_t best = 0;
  double best_distance = std::numeric_limits<double>::infinity();
  const std::size_t dimensions = centres.columns;
  const std::size_t count = centres.size();
  for (std::size_t c = 0; c < count; ++c) {
    const double* const centre = centres.row(c);
    double distance = 0;
    for (std::size_t i = 0; i < dimensions; ++i)
      distance += (point[i] - centre[i]) * (point[i] - centre[i]);
    if (distance < best_distance) {
      best_distance = distance;
      best = c;
    }
  }
  return best;
}

/// Parses the lines of one partition; blank lines are passed over. Numbers are separated by blanks, tabs or commas.
/// Errors: std::runtime_error with the line that is not of numbers, or not of as many as those before it.
class row_parser {
public:
  void add(std::string_view line);
  rows take() {
    return std::move(rows_);
  }

private:
  rows rows_;
};

/// Parses one partition of text; a function for map_partitions.
struct parse_rows {
  std::vector<rows> operator()(salamander::record_range<std::string_view> lines) const {
    row_parser parser;
    for (const auto line : lines)
      parser.add(line);
    std::vector<rows> one;
    one.push_back(parser.take());
    return one;
  }
};

/// The number of columns that all blocks have. Errors: std::runtime_error when there are no rows, or blocks differ.
std::uint64_t common_columns(const std::vector<std::uint64_t>& columns, const std::string& input);

} // namespace app
