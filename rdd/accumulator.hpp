// Values that tasks add to and the driver reads, each partition counted exactly once.
#pragma once

#include <salamander/rdd/contributions.hpp>
#include <salamander/rdd/handle_word.hpp>
#include <salamander/rdd/record_block.hpp>
#include <salamander/rdd/source_location.hpp>
#include <salamander/rdd/to_text.hpp>

#include <concepts>
#include <functional>
#include <mutex>

namespace salamander {

class context;

/// How accumulators add up by default: numbers and strings by +=, containers by inserting elements or all of another one, maps by adding
/// up the values of equal keys.
struct summing {
  template <class T, class U>
  void operator()(T& into, U&& value) const {
    if constexpr (requires { into += std::forward<U>(value); }) {
      into += std::forward<U>(value);
    } else if constexpr (std::same_as<std::remove_cvref_t<U>, T>) {
      for (auto&& one : value)
        (*this)(into, one);
    } else if constexpr (requires { typename T::mapped_type; }) {
      auto [at, added] = into.try_emplace(value.first, value.second);
      if (!added)
        (*this)(at->second, value.second);
    } else {
      into.insert(into.end(), std::forward<U>(value));
    }
  }
};

/// Keeps the largest, or the smallest, value.
struct maximum {
  template <class T>
  void operator()(T& into, const T& value) const {
    if (into < value)
      into = value;
  }
};
struct minimum {
  template <class T>
  void operator()(T& into, const T& value) const {
    if (value < into)
      into = value;
  }
};

/// A named accumulator as the driver sees it.
struct accumulator_info {
  std::uint32_t id = 0;
  std::string name;
  std::string value; ///< as text; empty if the type has no text form
};

namespace core {

/// merge(into, value) if that changes `into`, else into = merge(into, value).
template <class Merge, class T, class U>
void merge_into(T& into, U&& value) {
  using result = std::invoke_result_t<const Merge&, T&, U&&>;
  if constexpr (std::is_void_v<result> || std::is_lvalue_reference_v<result>)
    Merge{}(into, std::forward<U>(value));
  else
    into = Merge{}(std::move(into), std::forward<U>(value));
}

template <class T, class Merge>
class typed_contribution final : public contribution {
public:
  explicit typed_contribution(T first) : value(std::move(first)) {}
  T value;

  std::size_t memory_bytes() const noexcept override {
    return sizeof(*this) + weight_of(value);
  }
  void encode(byte_buffer& out) const override {
    byte_writer writer(out);
    write_value(writer, value);
  }
  void absorb(contribution& later) override {
    merge_into<Merge>(value, std::move(static_cast<typed_contribution&>(later).value));
  }
};

/// The driver's side of one accumulator. Threads: any.
class accumulator_cell {
public:
  accumulator_cell(std::string name, call_site made_at) : name_(std::move(name)), made_at_(std::move(made_at)) {}
  accumulator_cell(const accumulator_cell&) = delete;
  accumulator_cell& operator=(const accumulator_cell&) = delete;
  virtual ~accumulator_cell() = default;

  /// Errors: what the user's merge function throws; errc::corrupt_data.
  virtual void merge(block&& added) = 0;
  virtual std::string text() const = 0;

  const std::string& name() const noexcept {
    return name_;
  }
  /// "accumulator bad lines made at a.cpp:3"
  std::string title() const {
    return "accumulator " + (name_.empty() ? "" : name_ + " ") + "made at " + made_at_.text();
  }

private:
  std::string name_;
  call_site made_at_;
};

template <class T, class Merge>
class typed_cell final : public accumulator_cell {
public:
  typed_cell(T zero, std::string name, call_site made_at)
      : accumulator_cell(std::move(name), std::move(made_at)), zero_(std::move(zero)), value_(zero_) {}

  void merge(block&& added) override {
    if (added.object) {
      add(static_cast<const typed_contribution<T, Merge>&>(*added.object).value);
      return;
    }
    byte_reader in(*added.bytes);
    auto value = read_value<T>(in);
    if (in.left() != 0)
      byte_reader::corrupt("what was added to an accumulator is longer than its value");
    add(std::move(value));
  }
  template <class V>
  void add(V&& value) {
    const std::lock_guard lock(mutex_);
    merge_into<Merge>(value_, std::forward<V>(value));
  }
  T value() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    value_ = zero_;
  }
  std::string text() const override {
    std::string out;
    if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string> || container_record<T>)
      append_text(out, value());
    return out;
  }

private:
  const T zero_;
  mutable std::mutex mutex_;
  T value_;
};

/// Keeps the driver's side until its application is released; returns its number, which no other accumulator of this process gets.
std::uint32_t keep_accumulator(std::uint64_t application, std::shared_ptr<accumulator_cell> cell);
void release_accumulators(std::uint64_t application);
std::vector<accumulator_info> named_accumulators(std::uint64_t application);
/// Errors: errc::context_stopped.
std::shared_ptr<accumulator_cell> accumulator_cell_of(std::uint32_t accumulator, const char* operation);
/// Null outside tasks.
contributions* contributions_here() noexcept;
[[noreturn]] void refuse_accumulator_in_task(const char* operation, const source_location& where);

/// Merges what a task has added; nothing for an accumulator of a stopped context.
/// Errors: salamander::error naming the accumulator, with what the user's merge function threw.
void merge_contribution(std::uint32_t accumulator, block&& added);

} // namespace core

/// A value that functions of tasks add to and that the driver reads, made by context::accumulator; lambdas capture this handle, which
/// is trivially copyable.
/// Exactly once: what the functions of a partition add is counted once for each stage that computes it, however often it is computed
/// again: after failures and lost executors, by second attempts, after rollbacks, in later jobs that need a shuffle's map side again. A
/// partition of a dataset that is cached counts once for all jobs, even if it is evicted or lost and computed again. An attempt that
/// fails counts nothing. Two jobs over a dataset that is not cached compute it twice, and so count twice. An action that reads only
/// the beginning of a partition (take, first) counts what was computed of it. docs/adr/0008 has the details.
/// A task begins with the first T that is added, or with T{} when what is added is no T, and never with the driver's value: `Merge` has to
/// take a T{} then, such as a container without elements.
/// Shape: merged in the order in which tasks end, which varies; `Merge` has to be associative and commutative.
/// Limits: what a task adds to all accumulators takes at most 256 KiB encoded; errc::result_too_large otherwise.
/// Threads: on the driver any; in a task the one that runs it, and no thread that a function has started. Lives as long as its context.
template <class T, class Merge = summing>
class accumulator {
public:
  static_assert(std::is_empty_v<Merge> && std::default_initializable<Merge>,
                "salamander: the merge function of an accumulator must not capture anything, since it runs on the driver and in tasks");
  using value_type = T;

  /// Adds a T, or anything that `Merge` takes as its second argument. On the driver it counts at once.
  /// Errors: what `Merge` throws: in a task, the task fails; when results of tasks are merged, their job.
  template <class V>
  void add(V&& value) const {
    using typed = core::typed_contribution<T, Merge>;
    auto* const here = core::contributions_here();
    if (!here) {
      cell("add")->add(std::forward<V>(value));
    } else if (auto& slot = here->slot(number()); slot) {
      core::merge_into<Merge>(static_cast<typed&>(*slot).value, std::forward<V>(value));
    } else if constexpr (std::is_convertible_v<V&&, T>) {
      slot = std::make_shared<typed>(static_cast<T>(std::forward<V>(value)));
    } else {
      auto first = std::make_shared<typed>(T{});
      core::merge_into<Merge>(first->value, std::forward<V>(value));
      slot = std::move(first);
    }
  }
  template <class V>
  const accumulator& operator+=(V&& value) const {
    add(std::forward<V>(value));
    return *this;
  }

  /// What has been counted so far; after an action has returned, all that its tasks added. On the driver only.
  /// Errors: errc::nested_use in a task; errc::context_stopped.
  T value(source_location where = source_location::current()) const {
    refuse_in_task("value", where);
    return cell("value")->value();
  }
  /// Back to zero. What running tasks add is counted when they end, and so comes after. Errors: as value.
  void reset(source_location where = source_location::current()) const {
    refuse_in_task("reset", where);
    cell("reset")->reset();
  }
  std::uint32_t id() const noexcept {
    return number();
  }

private:
  friend class context;
  explicit accumulator(std::uint32_t number) noexcept : id_(number) {}

  std::uint32_t number() const noexcept {
    return static_cast<std::uint32_t>(id_.number());
  }
  static void refuse_in_task(const char* operation, const source_location& where) {
    if (core::contributions_here())
      core::refuse_accumulator_in_task(operation, where);
  }
  std::shared_ptr<core::typed_cell<T, Merge>> cell(const char* operation) const {
    return std::static_pointer_cast<core::typed_cell<T, Merge>>(core::accumulator_cell_of(number(), operation));
  }

  core::handle_word id_;
};

} // namespace salamander
