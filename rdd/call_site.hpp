// Where in the user's program an operation was written.
#pragma once

#include <salamander/rdd/source_location.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace salamander {

/// A place in the user's source, kept for errors, the progress display and to_debug_string.
struct call_site {
  std::string file; ///< base name
  std::uint32_t line = 0;

  static call_site from(const source_location& where);

  /// "word_count.cpp:12"
  std::string text() const;
};

} // namespace salamander
