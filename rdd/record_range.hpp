// A partition's records as a range, for functions that see whole partitions.
#pragma once

#include <salamander/rdd/node.hpp>

#include <iterator>
#include <string_view>

namespace salamander {
template <class T>
class record_range;

namespace core {

/// Feeds a record_range from a stream.
template <class T>
class record_source {
public:
  record_source(const lineage& dataset, std::unique_ptr<stream<T>> input, task_context& context)
      : dataset_(dataset), input_(std::move(input)), context_(context) {}

  /// Makes sure that a record is there; false at the end.
  bool ready() {
    if (at_ < in_.size)
      return true;
    before_ += in_.size;
    in_ = {};
    at_ = 0;
    if (!input_ || !input_->next(in_)) {
      input_.reset();
      in_ = {};
      return false;
    }
    context_.poll();
    enter(context_, dataset_, before_);
    return true;
  }
  const T& current() const noexcept {
    return in_.records[in_.selection ? in_.selection[at_] : at_];
  }
  void advance() noexcept {
    ++at_;
  }
  std::uint64_t position() const noexcept {
    return before_ + at_;
  }

private:
  const lineage& dataset_;
  std::unique_ptr<stream<T>> input_;
  task_context& context_;
  batch<T> in_;
  std::size_t at_ = 0;
  std::uint64_t before_ = 0;
};

} // namespace core

/// The records of one partition, once, in order: what map_partitions and foreach_partition hand to functions.
/// A single-pass input range, pulled from its source as it is read. A record that is a view lives until the range has moved on by
/// one batch; copy what is to be kept. Threads: the task's own.
template <class T>
class record_range {
public:
  class iterator {
  public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using reference = const T&;
    using pointer = const T*;
    using iterator_category = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(core::record_source<T>* source) : source_(source) {}

    const T& operator*() const noexcept {
      return source_->current();
    }
    const T* operator->() const noexcept {
      return &source_->current();
    }
    iterator& operator++() {
      source_->advance();
      return *this;
    }
    void operator++(int) {
      source_->advance();
    }
    /// Two iterators are equal when both or neither are at the end: enough for `vector(range.begin(), range.end())`.
    friend bool operator==(const iterator& a, const iterator& b) {
      return a.at_end() == b.at_end();
    }

  private:
    bool at_end() const {
      return !source_ || !source_->ready();
    }

    core::record_source<T>* source_ = nullptr;
  };

  using value_type = T;

  explicit record_range(core::record_source<T>& source) : source_(&source) {}

  iterator begin() const {
    return iterator(source_);
  }
  iterator end() const noexcept {
    return {};
  }

private:
  core::record_source<T>* source_;
};

} // namespace salamander

/// A handle that is cheap to copy: views of a range that a function was given hold a copy of it, and may be returned.
template <class T>
inline constexpr bool std::ranges::enable_view<salamander::record_range<T>> = true;
