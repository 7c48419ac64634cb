// What a launched driver and the program that launched it say to each other, on the socket pair that the child has as descriptor 3:
// lines of text. Neither waits for the other, and both go on when the other is gone.
#pragma once

#include <salamander/rdd/launch_request.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace salamander::actors {

/// Names the socket to the driver: "3:<inode>", so that a descriptor that is something else by now is not taken for it.
inline constexpr const char* launch_variable = "SALAMANDER_LAUNCH_LINE";

/// From the driver, when something changed.
struct launch_report {
  std::string application;
  bool manned = false; ///< it has executors
  launch_progress progress;
  bool operator==(const launch_report&) const = default;
};

/// A line with its end.
std::string encode_report(const launch_report& what);
/// Nothing for what is no report.
std::optional<launch_report> decode_report(std::string_view line);

/// To the driver: its jobs shall end.
inline constexpr std::string_view cancel_line = "cancel\n";

/// Cuts what comes into lines. Limits: longer lines than `line_max` are dropped.
class line_cutter {
public:
  static constexpr std::size_t line_max = 4096;

  void add(std::string_view bytes);
  /// The next line without its end, or nothing.
  std::optional<std::string> next();

private:
  std::string text_;
  bool too_long_ = false;
};

/// The last bytes of a text that grows.
class text_tail {
public:
  explicit text_tail(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void add(std::string_view bytes);
  std::string text() const;

private:
  std::size_t bytes_max_;
  std::string kept_; ///< at most twice as much, so that bytes are moved rarely
};

} // namespace salamander::actors
