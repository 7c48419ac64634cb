// Words of a text, found as they are read.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

namespace salamander {

/// The words of a text: maximal runs of characters other than ASCII white space, as views into it. A lazy forward range.
class words_view {
public:
  class iterator {
  public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using reference = std::string_view;
    using iterator_category = std::forward_iterator_tag;

    iterator() = default;
    iterator(const char* at, const char* end) noexcept : next_(at), end_(end) {
      advance();
    }
    std::string_view operator*() const noexcept {
      return {word_, static_cast<std::size_t>(next_ - word_)};
    }
    iterator& operator++() noexcept {
      advance();
      return *this;
    }
    iterator operator++(int) noexcept {
      auto old = *this;
      advance();
      return old;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.word_ == b.word_;
    }
    friend bool operator!=(const iterator& a, const iterator& b) noexcept {
      return a.word_ != b.word_;
    }

  private:
    static bool blank(char c) noexcept {
      return c == ' ' || (c >= '\t' && c <= '\r');
    }
    void advance() noexcept {
      const char* at = next_;
      const char* const end = end_;
      while (at != end && blank(*at))
        ++at;
      word_ = at;
      while (at != end && !blank(*at))
        ++at;
      next_ = at;
    }

    const char* word_ = nullptr;
    const char* next_ = nullptr;
    const char* end_ = nullptr;
  };

  explicit words_view(std::string_view text) noexcept : text_(text) {}

  iterator begin() const noexcept {
    return {text_.data(), text_.data() + text_.size()};
  }
  iterator end() const noexcept {
    const char* const end = text_.data() + text_.size();
    return {end, end};
  }

private:
  std::string_view text_;
};

/// Splits a text at ASCII white space without copying. Shape: views into `text`, in order, none empty.
inline words_view words(std::string_view text) noexcept {
  return words_view(text);
}

} // namespace salamander
