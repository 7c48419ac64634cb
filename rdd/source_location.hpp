// The caller's place in the source. std::source_location would do, but clang 14 does not have it.
#pragma once

#include <cstdint>

namespace salamander {

/// A file and a line; as a defaulted parameter `source_location where = source_location::current()` it is the caller's.
class source_location {
public:
  static constexpr source_location current(const char* file = __builtin_FILE(), std::uint32_t line = __builtin_LINE()) noexcept {
    return source_location(file, line);
  }

  constexpr std::uint32_t line() const noexcept {
    return line_;
  }
  constexpr const char* file_name() const noexcept {
    return file_;
  }

private:
  constexpr source_location(const char* file, std::uint32_t line) noexcept : file_(file), line_(line) {}

  const char* file_;
  std::uint32_t line_;
};

} // namespace salamander
