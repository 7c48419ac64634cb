// A value of a parsed JSON document, without the parser's header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace salamander::core {

/// Valid until its document's reader goes on.
class json_value {
public:
  enum class kind : std::uint8_t { null, boolean, integer, large_integer, number, text, list, object };

  json_value() = default;
  kind what() const noexcept;
  /// "a number", "a list", ... for messages.
  const char* describe() const noexcept;

  /// Requires: what() says that it is that.
  bool boolean() const noexcept;
  std::int64_t integer() const noexcept;
  std::uint64_t large_integer() const noexcept; ///< above the range of integer()
  double number() const noexcept;               ///< of any of the three kinds of number
  std::string_view text() const noexcept;
  std::size_t size() const noexcept; ///< of a list or object
  /// Of an object; the first one of that name.
  std::optional<json_value> member(std::string_view name) const noexcept;

  /// Calls f(value) for each element of a list; stops and returns false when f does.
  template <class F>
  bool each_element(F&& f) const {
    return for_elements([](void* to, std::string_view, json_value one) { return (*static_cast<F*>(to))(one); }, &f);
  }
  /// Calls f(name, value) for each member of an object; stops and returns false when f does.
  template <class F>
  bool each_member(F&& f) const {
    return for_members([](void* to, std::string_view name, json_value one) { return (*static_cast<F*>(to))(name, one); }, &f);
  }

private:
  friend class json_document;
  using visit = bool (*)(void* to, std::string_view name, json_value one);

  bool for_elements(visit f, void* to) const;
  bool for_members(visit f, void* to) const;

  alignas(8) std::byte bits_[16]{}; ///< what the parser calls an element
};

} // namespace salamander::core
