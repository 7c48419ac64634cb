// Bytes of strings that live as long as the block or table that owns them.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace salamander::core {

/// A bump allocator for characters. Addresses stay valid until the arena ends. Used by one thread while it grows.
class arena {
public:
  arena() = default;
  arena(arena&&) noexcept = default;
  arena& operator=(arena&&) noexcept = default;

  std::string_view copy(std::string_view text) {
    if (text.empty())
      return {};
    if (text.size() > free_)
      grow(text.size());
    char* const at = next_;
    std::memcpy(at, text.data(), text.size());
    next_ += text.size();
    free_ -= text.size();
    return {at, text.size()};
  }

  /// Bytes allocated, used or not.
  std::size_t memory_bytes() const noexcept {
    return allocated_;
  }

private:
  void grow(std::size_t at_least);

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  std::size_t free_ = 0;
  std::size_t allocated_ = 0;
};

} // namespace salamander::core
