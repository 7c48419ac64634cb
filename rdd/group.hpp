// The values of one key.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace salamander {

/// The values of one key, as group_by_key and cogroup hand them to functions: a forward range that knows its size.
/// A group keeps its values alive by itself; it may be kept, copied and returned. `collect` turns it into a vector.
/// Order: by partition of the input and position in it. Threads: as a shared_ptr to const.
template <class V>
class group {
public:
  using value_type = V;

  class iterator {
  public:
    using value_type = V;
    using difference_type = std::ptrdiff_t;
    using reference = const V&;
    using pointer = const V*;
    using iterator_category = std::forward_iterator_tag;

    iterator() = default;
    explicit iterator(const V* at) noexcept : at_(at) {}
    const V& operator*() const noexcept {
      return *at_;
    }
    const V* operator->() const noexcept {
      return at_;
    }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept {
      auto old = *this;
      ++at_;
      return old;
    }
    friend bool operator==(const iterator&, const iterator&) = default;

  private:
    const V* at_ = nullptr;
  };

  using const_iterator = iterator;

  group() = default;
  explicit group(std::vector<V> values) {
    if constexpr (std::is_same_v<V, bool>) { // packed into bits, which no pointer can reach
      auto held = std::make_shared<bool[]>(values.size());
      std::copy(values.begin(), values.end(), held.get());
      first_ = held.get();
      size_ = values.size();
      keep_ = std::move(held);
    } else {
      auto held = std::make_shared<const std::vector<V>>(std::move(values));
      first_ = held->data();
      size_ = held->size();
      keep_ = std::move(held);
    }
  }
  group(const V* first, std::size_t size, std::shared_ptr<const void> keep) noexcept : first_(first), size_(size), keep_(std::move(keep)) {}

  iterator begin() const noexcept {
    return iterator(first_);
  }
  iterator end() const noexcept {
    return iterator(first_ + size_);
  }
  std::size_t size() const noexcept {
    return size_;
  }
  bool empty() const noexcept {
    return size_ == 0;
  }

private:
  const V* first_ = nullptr;
  std::size_t size_ = 0;
  std::shared_ptr<const void> keep_;
};

} // namespace salamander
