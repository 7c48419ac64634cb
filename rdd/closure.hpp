// Which functions may travel to another process, and how their captures do.
//
//   1 captureless                                  nothing travels
//   2 trivially copyable and standard layout       the bytes travel; each word was checked for pointers at definition
//     (pointers to data members are, &person::age)
//   3 sal::bind_front(f, values...)                the values travel by the codec
//     a function object with MSGPACK_DEFINE        MessagePack
#pragma once

#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/source_location.hpp>

#include <string>

namespace salamander {

namespace core {
/// How bind_front keeps a value: views and literals become strings.
template <class V>
using bound_value_t = std::conditional_t<std::is_convertible_v<std::decay_t<V>, const char*> && std::is_pointer_v<std::decay_t<V>>,
                                         std::string, owned_t<std::decay_t<V>>>;
} // namespace core

/// A function and the leading arguments it is called with; made by bind_front.
template <class F, class... Values>
struct bound_function {
  F function;
  std::tuple<Values...> values;

  template <class... Args>
    requires std::is_invocable_v<const F&, const Values&..., Args...>
  decltype(auto) operator()(Args&&... args) const {
    return std::apply([&](const Values&... bound) -> decltype(auto) { return function(bound..., std::forward<Args>(args)...); }, values);
  }
};

/// Binds values to the first parameters of `f`, as std::bind_front does, such that they can travel: use it where a lambda would
/// have to capture a string, a vector or any other type that owns memory.
/// Shape: the result is called with the remaining arguments. Errors: at compile time, when a value's type cannot travel.
template <class F, class... Values>
auto bind_front(F&& f, Values&&... values) {
  return bound_function<std::decay_t<F>, core::bound_value_t<Values>...>{
      std::forward<F>(f), std::tuple<core::bound_value_t<Values>...>(std::forward<Values>(values)...)};
}

namespace core {

/// A library function object made of user functions (map_values(f), key_by(f), ...): it travels if its parts do.
template <class F>
concept composed_function = requires { typename F::composed_tag; };

/// Base of library function objects that are made of user functions: `struct mapper : composed<mapper<F>, F>`.
template <class Derived, class... Functions>
struct composed {
  using composed_tag = void;
  std::tuple<Functions...> parts;

  template <std::size_t I>
  const auto& part() const noexcept {
    return std::get<I>(parts);
  }
  template <class Visitor>
  void for_each_part(Visitor&& visit) const {
    std::apply([&](const auto&... one) { (visit(one), ...); }, parts);
  }
  template <class Reader>
  static Derived from_parts(Reader&& read) {
    return Derived{{std::tuple<Functions...>{read(std::type_identity<Functions>{})...}}};
  }
};

/// Carries a value into a task, as a part of a composed function.
struct value_tag {};
template <class V>
using carried = bound_function<value_tag, V>;
template <class V>
carried<V> carry(V value) {
  return {{}, std::tuple<V>(std::move(value))};
}
template <class V>
const V& carried_value(const carried<V>& holder) noexcept {
  return std::get<0>(holder.values);
}

template <class F>
inline constexpr bool is_bound = false;
template <class F, class... Vs>
inline constexpr bool is_bound<bound_function<F, Vs...>> = true;

/// Looks up each word of a closure in this process's memory map.
/// Errors: errc::closure_refused naming the kind of pointer (this/heap, stack, code or literal), operation and call site.
void refuse_pointers(const void* closure, std::size_t size, const char* operation, const source_location& where);

/// The bytes of a closure, gaps between its captures zeroed: what lies there by chance may look like a pointer, and differs from
/// copy to copy. (clang 14 cannot zero them; there a gap may be taken for a pointer.)
template <class F>
struct closure_bytes {
  alignas(F) std::byte room[sizeof(F)];

  explicit closure_bytes(const F& f) noexcept {
    std::memcpy(room, static_cast<const void*>(&f), sizeof(F));
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
    if constexpr (std::is_trivially_copyable_v<F>)
      __builtin_clear_padding(reinterpret_cast<F*>(room));
#endif
#endif
  }
};

template <class F>
consteval void check_capture_rules() {
  using codec_detail::always_false;
  if constexpr (composed_function<F> || is_bound<F> || has_msgpack_define<F>) {
  } else if constexpr (std::is_function_v<std::remove_pointer_t<F>> && std::is_pointer_v<F>) {
    static_assert(always_false<F>, "salamander: a function pointer means nothing in another process; "
                                   "wrap the call in a lambda: [](auto&& x) { return f(x); }");
  } else if constexpr (std::is_member_function_pointer_v<F>) {
    static_assert(always_false<F>, "salamander: a pointer to a member function means nothing in another process; "
                                   "wrap the call in a lambda: [](const auto& x) { return x.f(); }");
  } else if constexpr (std::is_empty_v<F>) {
  } else if constexpr (!std::is_trivially_copy_constructible_v<F> || !std::is_trivially_destructible_v<F>) {
    // Not is_trivially_copyable: g++ 12 answers false for closures with const members once a tuple of them was made.
    static_assert(always_false<F>, "salamander: this function captures a value that owns memory (a string, a vector, an rdd, ...), which "
                                   "cannot be sent as bytes; pass it by sal::bind_front(f, value), "
                                   "or use a function object with MSGPACK_DEFINE");
  } else if constexpr (!std::is_standard_layout_v<F>) {
    static_assert(always_false<F>, "salamander: this function captures by reference, but it runs in another process where the variable "
                                   "does not exist; capture by value: [x] instead of [&x] or [&]");
  }
}

/// Checks a function when an operation is defined.
template <class F>
void check_closure(const F& f, const char* operation, const source_location& where) {
  check_capture_rules<F>();
  if constexpr (composed_function<F>) {
    f.for_each_part([&](const auto& part) { check_closure(part, operation, where); });
  } else if constexpr (is_bound<F>) {
    check_closure(f.function, operation, where);
  } else if constexpr (!std::is_empty_v<F> && !has_msgpack_define<F>) {
    const closure_bytes<F> bytes(f);
    refuse_pointers(bytes.room, sizeof(F), operation, where);
  }
}

template <class F>
void write_closure(byte_writer& out, const F& f) {
  if constexpr (composed_function<F>) {
    f.for_each_part([&](const auto& part) { write_closure(out, part); });
  } else if constexpr (is_bound<F>) {
    write_closure(out, f.function);
    write_value(out, f.values);
  } else if constexpr (has_msgpack_define<F>) {
    write_value(out, f);
  } else if constexpr (!std::is_empty_v<F>) {
    const closure_bytes<F> bytes(f);
    out.raw(bytes.room, sizeof(F));
  }
}

/// As it travels, for comparisons.
template <class F>
std::string closure_text(const F& f) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_closure(out, f);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class F>
F read_closure(byte_reader& in);

template <class F>
struct closure_reader {
  static F read(byte_reader& in) {
    if constexpr (composed_function<F>) {
      return F::from_parts([&]<class Part>(std::type_identity<Part>) { return read_closure<Part>(in); });
    } else if constexpr (has_msgpack_define<F>) {
      return read_value<F>(in);
    } else if constexpr (std::is_empty_v<F> && std::is_default_constructible_v<F>) {
      return F{};
    } else {
      alignas(F) std::byte room[sizeof(F)] = {};
      if constexpr (!std::is_empty_v<F>)
        std::memcpy(room, in.raw(sizeof(F)), sizeof(F));
      return *std::launder(reinterpret_cast<F*>(room));
    }
  }
};
template <class F, class... Vs>
struct closure_reader<bound_function<F, Vs...>> {
  static bound_function<F, Vs...> read(byte_reader& in) {
    auto function = read_closure<F>(in);
    return {std::move(function), read_value<std::tuple<Vs...>>(in)};
  }
};

template <class F>
F read_closure(byte_reader& in) {
  return closure_reader<F>::read(in);
}

} // namespace core
} // namespace salamander
