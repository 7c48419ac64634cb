// Which files a path names, and how they are cut into partitions.
#pragma once

#include <salamander/rdd/compression.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::core {

/// A file as it was when it was listed.
struct input_file {
  std::string path;
  std::uint64_t size = 0;
  bool any_offset = true; ///< it can be read from the middle
};

/// A byte range of a file: one partition of a text dataset. The lines of a split are those that begin inside it.
struct file_split {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  compression packing = compression::none; ///< not none: the split is the whole file
};

/// Expands what a user writes where input is asked for: a comma-separated list of files, directories and patterns
/// (`*`, `?`, `[a-z]`, `{a,b}`; a backslash takes the next character as it is), each perhaps with file: in front.
/// Shape: in the order of the list, the matches of one pattern and the files of a directory sorted by name. Directories are not
/// searched deeper: subdirectories are skipped, and so are names that begin with `_` or `.` unless the pattern's own part does.
/// Errors: errc::input_not_found for a path that does not exist or a pattern without a match; errc::io_error with the system's
/// text for what cannot be read; errc::invalid_argument for an empty path, another scheme, something neither file nor directory, or
/// braces that stand for more than pattern_bytes_max of paths.
std::vector<input_file> list_files(std::string_view paths);

/// Cuts files into byte ranges of about total/partitions_min bytes, but none longer than `partition_bytes_max`, as Hadoop does:
/// the last range of a file may be a tenth longer. Compressed files stay whole, empty files yield no range.
/// Shape: files in order, ranges of a file in order; perhaps fewer than `partitions_min` when files are tiny or compressed.
/// Errors: errc::invalid_argument for a zero `partition_bytes_max` and for more than `splits_max` ranges.
std::vector<file_split> plan_splits(const std::vector<input_file>& files, std::uint32_t partitions_min, std::uint64_t partition_bytes_max);

inline constexpr std::size_t splits_max = 10'000'000;
inline constexpr std::size_t pattern_bytes_max = 8U << 20; ///< what the braces of one pattern may expand to

} // namespace salamander::core
