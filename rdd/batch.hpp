// Records move through a pipeline in batches: one virtual call a batch, inlined loops inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace salamander::core {

/// Copying such a record costs about as much as moving it, so batches of them are always read by const reference.
template <class T>
inline constexpr bool is_cheap = std::is_trivially_copy_constructible_v<T>&& std::is_trivially_destructible_v<T>;

/// How many records of T one batch holds at most: a share of the first-level caches, at least 16.
template <class T>
inline constexpr std::size_t batch_capacity = sizeof(T) * 2048 <= 65536 ? 2048
                                              : sizeof(T) * 16 >= 65536 ? 16
                                                                        : 65536 / sizeof(T);

/// A window on records that somebody else holds; valid until the producing stream is asked for the next one.
/// Shape: `size` records at `records`, or, when `selection` is set, the records with those indices (never for cheap types).
/// `movable`: the consumer may move out of the records; otherwise they are shared (a cached or shuffle block).
template <class T>
struct batch {
  T* records = nullptr;
  std::size_t size = 0;
  const std::uint32_t* selection = nullptr;
  bool movable = false;

  /// The `count` records from `first` on. Requires: first + count <= size.
  batch slice(std::size_t first, std::size_t count) const noexcept {
    if (selection)
      return {records, count, selection + first, movable};
    return {records + first, count, nullptr, movable};
  }

  /// Calls f(T&&) or f(const T&) once per record, in order.
  template <class F>
  void for_each(F&& f) const {
    if constexpr (is_cheap<T>) {
      const T* const data = records;
      for (std::size_t i = 0; i < size; ++i)
        f(data[i]);
    } else if (movable) {
      for (std::size_t i = 0; i < size; ++i)
        f(std::move(records[selection ? selection[i] : i]));
    } else {
      for (std::size_t i = 0; i < size; ++i)
        f(std::as_const(records[selection ? selection[i] : i]));
    }
  }
};

/// Produces the records of one partition, batch by batch. Used by one thread.
template <class T>
class stream {
public:
  stream() = default;
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  virtual ~stream() = default;

  /// Fills `out` with at least one record and returns true, or returns false at the end (and on every later call).
  /// Errors: what user functions, files and fetches throw; the stream is unusable afterwards.
  virtual bool next(batch<T>& out) = 0;
};

/// Uninitialised room for a fixed number of records; the output side of an operation.
template <class T>
class record_buffer {
public:
  record_buffer() = default;
  explicit record_buffer(std::size_t capacity) : capacity_(capacity), data_(std::allocator<T>{}.allocate(capacity)) {}
  record_buffer(const record_buffer&) = delete;
  record_buffer& operator=(const record_buffer&) = delete;
  ~record_buffer() {
    clear();
    if (data_)
      std::allocator<T>{}.deallocate(data_, capacity_);
  }

  /// Requires: !full().
  template <class... Args>
  T& emplace(Args&&... args) {
    T* slot = ::new (static_cast<void*>(data_ + size_)) T(std::forward<Args>(args)...);
    ++size_;
    return *slot;
  }

  /// Says how many records a loop has constructed at data() by itself. Requires: the buffer was empty.
  void commit(std::size_t size) noexcept {
    size_ = size;
  }

  void clear() noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>)
      std::destroy_n(data_, size_);
    size_ = 0;
  }

  bool full() const noexcept {
    return size_ == capacity_;
  }
  std::size_t size() const noexcept {
    return size_;
  }
  std::size_t capacity() const noexcept {
    return capacity_;
  }
  T* data() noexcept {
    return data_;
  }
  batch<T> view() noexcept {
    return {data_, size_, nullptr, true};
  }

private:
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  T* data_ = nullptr;
};

} // namespace salamander::core
