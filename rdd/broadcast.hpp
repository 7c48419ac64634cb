// Values that are sent to each executor once, and that tasks share there.
#pragma once

#include <salamander/rdd/closure.hpp>
#include <salamander/rdd/handle_word.hpp>
#include <salamander/rdd/record_block.hpp>
#include <salamander/rdd/source_location.hpp>

#include <functional>
#include <future>
#include <memory>

namespace salamander {

class context;

namespace core {

/// Makes the value of its encoded form. Errors: errc::corrupt_data; what the user's unpacking code throws.
using broadcast_decoder = std::shared_ptr<const block_object> (*)(const byte_buffer& bytes);

/// What a broadcast<T> is apart from its type.
struct broadcast_handle {
  handle_word id;
  handle_word size; ///< 1 + encoded bytes; 0: tasks share the driver's object

  std::uint32_t number() const noexcept {
    return static_cast<std::uint32_t>(id.number());
  }
};

/// engine::drop_broadcast, unless the engine is gone already: then the answer is not valid.
using broadcast_dropper = std::function<std::future<void>(std::uint32_t broadcast, const std::optional<std::string>& destroyed)>;

/// Never given twice in a process, so that a handle of a stopped context is no other value's.
std::uint32_t next_broadcast() noexcept;
/// Keeps the driver's own value of an application until it is destroyed, or the application is released.
void keep_broadcast(std::uint64_t application, broadcast_handle handle, std::shared_ptr<const block_object> value, call_site made_at,
                    broadcast_dropper drop);
void release_broadcasts(std::uint64_t application);

/// In a task its executor's copy, which stays at least until the task ends; else the driver's value.
/// Errors: errc::destroyed, errc::context_stopped, errc::executor_lost, errc::out_of_memory, as broadcast::value.
const block_object& broadcast_value(const broadcast_handle& handle, broadcast_decoder decode);
void unpersist_broadcast(const broadcast_handle& handle, bool blocking, const source_location& where);
void destroy_broadcast(const broadcast_handle& handle, bool blocking, const source_location& where);

/// The text of errc::destroyed.
std::string destroyed_text(const call_site& made_at, const call_site& destroyed_at);

template <class T>
std::shared_ptr<const block_object> decode_broadcast(const byte_buffer& bytes) {
  byte_reader in(bytes);
  auto made = std::make_shared<const value_block<T>>(read_value<T>(in));
  if (in.left() != 0)
    byte_reader::corrupt("a broadcast value is longer than what it says");
  return made;
}

template <class T>
inline constexpr bool is_dataset = false;

} // namespace core

/// A value that tasks read, made by context::broadcast: a lambda captures this handle, and the value travels to each executor once, in
/// pieces that executors also fetch from each other; tasks of one executor share one copy.
/// The handle is trivially copyable, so nobody can count its copies: the value stays until destroy() or the end of its context.
/// Shape: the value as it was when context::broadcast was called. Threads: all members from any thread, in a task from its own; the value is shared, and is not
/// to be changed.
/// Faults: an executor that is replaced, or loses a piece, fetches it again from the driver or from another executor.
/// Limits: an executor holds the encoded value and the object made of it, within salamander.executor.memory.
template <class T>
class broadcast {
public:
  using value_type = T;

  /// The reference stays valid until the task that asks ends, on the driver until destroy() or the end of the context.
  /// Errors: errc::destroyed with the place where that happened; errc::context_stopped on the driver; in tasks errc::executor_lost when
  /// neither the driver nor another executor has a piece, and errc::out_of_memory. A task's errors are those of its job.
  const T& value() const {
    return static_cast<const core::value_block<T>&>(core::broadcast_value(handle_, &core::decode_broadcast<T>)).value;
  }
  const T& operator*() const {
    return value();
  }
  const T* operator->() const {
    return &value();
  }

  /// Executors drop their copies; a task that asks again makes its executor fetch the value again. `blocking`: waits until they have.
  /// Tasks that have asked before keep their copy to their end. Errors: errc::destroyed, errc::context_stopped, errc::nested_use in a task.
  void unpersist(bool blocking = false, source_location where = source_location::current()) const {
    core::unpersist_broadcast(handle_, blocking, where);
  }
  /// The driver drops it, too: whoever asks for the value from now on gets errc::destroyed with this place. The second time nothing
  /// happens. Errors: errc::context_stopped, errc::nested_use in a task.
  void destroy(bool blocking = false, source_location where = source_location::current()) const {
    core::destroy_broadcast(handle_, blocking, where);
  }
  /// Different for each broadcast value of a process.
  std::uint32_t id() const noexcept {
    return handle_.number();
  }

private:
  friend class context;
  explicit broadcast(core::broadcast_handle handle) noexcept : handle_(handle) {}

  core::broadcast_handle handle_;
};

} // namespace salamander
