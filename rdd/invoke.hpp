// Calls a user function with a record: as it is when the function can see it so, with an owned copy when it asks for one.
#pragma once

#include <salamander/rdd/batch.hpp>
#include <salamander/rdd/codec.hpp>

#include <functional>

namespace salamander::core {

namespace invoke_detail {

template <class M>
struct first_of;
template <class R, class C, class A, class... Rest>
struct first_of<R (C::*)(A, Rest...) const> {
  using type = A;
};
template <class R, class C, class A, class... Rest>
struct first_of<R (C::*)(A, Rest...)> {
  using type = A;
};
template <class R, class C, class A, class... Rest>
struct first_of<R (C::*)(A, Rest...) const noexcept> {
  using type = A;
};

/// True when F's only call operator takes its first parameter by value.
template <class F>
concept takes_value = requires { typename first_of<decltype(&F::operator())>::type; } &&
                      !std::is_reference_v<typename first_of<decltype(&F::operator())>::type>;

} // namespace invoke_detail

/// Ranges that do not own their elements live no longer than what they look at.
template <class R>
inline constexpr bool is_lazy_range = requires(R& r) {
  r.begin();
  r.end();
} && !requires { typename R::allocator_type; };

template <class R>
inline constexpr bool depends_on_argument = is_borrowed<std::remove_cvref_t<R>> || is_lazy_range<std::remove_cvref_t<R>>;

/// F can be called with the record itself, moved or shared.
template <class F, class T>
inline constexpr bool calls_directly = std::is_invocable_v<const F&, T&&> || std::is_invocable_v<const F&, const T&>;

/// F can be called with an owned copy: a std::string for a std::string_view.
template <class F, class T>
inline constexpr bool calls_with_copy =
    !calls_directly<F, T> && (std::is_invocable_v<const F&, const owned_t<T>&> || std::is_invocable_v<const F&, owned_t<T>&&>);

/// F accepts the records of a dataset of T.
template <class F, class T>
concept record_function = calls_directly<F, T> || calls_with_copy<F, T>;

/// Calls F with records of one batch, and keeps the copies that results may refer to until the batch ends.
template <class F, class T>
class record_caller {
  static constexpr bool direct = calls_directly<F, T>;
  using owned_type = owned_t<T>;
  static constexpr bool copy_by_reference =
      !direct && std::is_invocable_v<const F&, const owned_type&> && !invoke_detail::takes_value<F>;

  /// F takes a record that may be moved; a pointer to a member would give a reference into it.
  template <class Record>
  static constexpr bool moves = std::is_invocable_v<const F&, Record&&> && !std::is_member_pointer_v<F>;

  template <bool Direct, bool ByReference>
  static auto result() {
    if constexpr (Direct && moves<T>)
      return std::type_identity<std::invoke_result_t<const F&, T&&>>{};
    else if constexpr (Direct)
      return std::type_identity<std::invoke_result_t<const F&, const T&>>{};
    else if constexpr (ByReference)
      return std::type_identity<std::invoke_result_t<const F&, const owned_type&>>{};
    else
      return std::type_identity<std::invoke_result_t<const F&, owned_type&&>>{};
  }

public:
  using result_type = typename decltype(result<direct, copy_by_reference>())::type;

  /// Results look into the copy of the record: each record of the batch needs its own.
  static constexpr bool keeps_copies = copy_by_reference && depends_on_argument<result_type>;

  static_assert(!(invoke_detail::takes_value<F> && !std::is_same_v<T, std::string_view> && is_borrowed<std::remove_cvref_t<result_type>> &&
                  !is_borrowed<T>) &&
                    !(!direct && !copy_by_reference && depends_on_argument<result_type>),
                "salamander: this function takes its record by value and returns a view into it, which would dangle; "
                "take the record by const reference or as std::string_view");

  /// `slot`: ordinal of the record in its batch.
  template <class Record>
  result_type operator()(const F& f, Record&& record, [[maybe_unused]] std::size_t slot) {
    if constexpr (direct) {
      if constexpr (moves<Record>)
        return std::invoke(f, std::forward<Record>(record));
      else if constexpr (std::is_invocable_v<const F&, const T&>)
        return std::invoke(f, std::as_const(record));
      else
        return std::invoke(f, T(record));
    } else if constexpr (copy_by_reference) {
      const std::size_t at = keeps_copies ? slot : 0;
      if (copies_.empty()) // never grown later: results refer to the copies
        copies_.resize(keeps_copies ? batch_capacity<T> : 1);
      assign_owned(copies_[at], record);
      return std::invoke(f, std::as_const(copies_[at]));
    } else {
      return std::invoke(f, to_owned<owned_type>(std::forward<Record>(record)));
    }
  }

private:
  struct nothing {};
  std::conditional_t<copy_by_reference, std::vector<owned_type>, nothing> copies_;
};

/// `into` = f(into, value). f takes what there is by value, or changes it in place: then it may return it, or nothing.
template <class F, class C, class V>
void merge_in(const F& f, C& into, V&& value) {
  if constexpr (std::is_invocable_v<const F&, C&&, V&&>)
    into = f(std::move(into), std::forward<V>(value));
  else if constexpr (std::is_void_v<std::invoke_result_t<const F&, C&, V&&>>)
    f(into, std::forward<V>(value));
  else
    into = f(into, std::forward<V>(value));
}

/// What F returns for records of T.
template <class F, class T>
using record_result_t = typename record_caller<F, T>::result_type;

} // namespace salamander::core
