// How values become bytes and come back: plain values as they are, containers by length, MSGPACK_DEFINE types by MessagePack.
//
//   raw T (bits mean the same in every process of this binary)     sizeof(T) bytes
//   bool                                                            one byte: 0 or 1
//   string, string_view                                             varint length, characters
//   vector, map, set, deque, ... of T                               varint count, each T  (vector of raw T: one run of bytes)
//   optional, variant                                               varint index, value
//   pair, tuple, aggregate                                          each member in order
//   MSGPACK_DEFINE type                                             varint length, MessagePack
//
// An element that takes no bytes (a tuple of nothing) takes one in a container, so that bytes bound what a count may say.
#pragma once

#include <salamander/rdd/aggregate.hpp>
#include <salamander/rdd/block.hpp>
#include <salamander/rdd/record_types.hpp>

#include <msgpack/object_fwd_decl.hpp>
#include <msgpack/pack.hpp>
#include <msgpack/sbuffer.hpp>

#include <array>
#include <cstring>
#include <span>
#include <variant>

namespace salamander::core {

/// Appends values to a buffer.
class byte_writer {
public:
  explicit byte_writer(byte_buffer& out) noexcept : out_(out) {}

  void raw(const void* data, std::size_t size);
  void varint(std::uint64_t value);
  void text(std::string_view value) {
    varint(value.size());
    raw(value.data(), value.size());
  }
  byte_buffer& buffer() noexcept {
    return out_;
  }

private:
  byte_buffer& out_;
};

/// Takes values from bytes somebody else owns. Every read is checked against what is left.
/// Errors: errc::corrupt_data when bytes are missing or a length cannot be true.
class byte_reader {
public:
  byte_reader() = default;
  explicit byte_reader(std::span<const std::byte> in) noexcept : next_(in.data()), end_(in.data() + in.size()) {}

  const std::byte* raw(std::size_t size) {
    if (size > left())
      corrupt("bytes are missing");
    const auto* at = next_;
    next_ += size;
    return at;
  }
  /// The shortest form only, so that equal values are equal bytes.
  std::uint64_t varint();
  std::uint32_t varint32();
  /// 0 or 1.
  bool flag();
  /// A count of things that need at least `least` bytes each: refused when the rest cannot hold them.
  std::size_t count(std::size_t least = 1);
  std::string_view text() {
    const auto size = count();
    return {reinterpret_cast<const char*>(raw(size)), size};
  }
  std::size_t left() const noexcept {
    return static_cast<std::size_t>(end_ - next_);
  }
  [[noreturn]] static void corrupt(const char* what);

private:
  const std::byte* next_ = nullptr;
  const std::byte* end_ = nullptr;
};

template <class T>
concept has_msgpack_define = requires(const T& value, T& target) {
  value.msgpack_pack(std::declval<msgpack::packer<msgpack::sbuffer>&>());
};

template <class T>
concept container_record = requires(T& c, const T& k) {
  typename T::value_type;
  k.begin() != k.end();
  k.size();
  c.clear();
};

template <class T>
void write_value(byte_writer& out, const T& value);
template <class T>
T read_value(byte_reader& in);

namespace codec_detail {

template <class T>
inline constexpr bool always_false = false;
template <class T>
inline constexpr bool is_variant = false;
template <class... Ts>
inline constexpr bool is_variant<std::variant<Ts...>> = true;
template <class T>
inline constexpr bool variant_borrows = false;
template <class... Ts>
inline constexpr bool variant_borrows<std::variant<Ts...>> = (is_borrowed<Ts> || ...);
template <class T>
inline constexpr bool is_group = false;
template <class V>
inline constexpr bool is_group<group<V>> = true;
template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool looks_elsewhere = false;
template <class T, std::size_t N>
inline constexpr bool looks_elsewhere<std::span<T, N>> = true;
template <class T>
inline constexpr bool looks_elsewhere<std::reference_wrapper<T>> = true;
template <class T>
inline constexpr bool is_smart_pointer = requires(T p) {
  p.get();
  p.reset();
};

/// The fewest bytes that a value of T takes.
template <class T>
constexpr std::size_t least_bytes() {
  if constexpr (is_raw<T>)
    return std::is_empty_v<T> ? 0 : sizeof(T);
  else if constexpr (requires { typename T::first_type; typename T::second_type; })
    return least_bytes<typename T::first_type>() + least_bytes<typename T::second_type>();
  else if constexpr (is_std_array<T>)
    return std::tuple_size_v<T> * least_bytes<typename T::value_type>();
  else if constexpr (requires { std::tuple_size<T>::value; })
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (std::size_t{0} + ... + least_bytes<std::tuple_element_t<I, T>>());
    }(std::make_index_sequence<std::tuple_size_v<T>>{});
  else
    return 1;
}

/// The fewest bytes that a value of T takes in a container.
template <class T>
inline constexpr std::size_t least_element_bytes = least_bytes<T>() == 0 ? 1 : least_bytes<T>();

template <class T>
void write_element(byte_writer& out, const T& value) {
  write_value(out, value);
  if constexpr (least_bytes<T>() == 0)
    out.varint(0);
}

template <class T>
T read_element(byte_reader& in) {
  if constexpr (least_bytes<T>() == 0)
    if (in.varint() != 0)
      byte_reader::corrupt("an element that takes no bytes has some");
  return read_value<T>(in);
}

template <class T>
void write_msgpack(byte_writer& out, const T& value) {
  msgpack::sbuffer bytes;
  msgpack::packer<msgpack::sbuffer> packer(bytes);
  value.msgpack_pack(packer);
  out.text({bytes.data(), bytes.size()});
}

/// Parses one MessagePack value under limits that follow from its length, and hands it to `convert`.
void unpack_msgpack(std::string_view bytes, void* target, void (*convert)(void*, const msgpack::object&));

template <class T>
T read_msgpack(byte_reader& in) {
  T value;
  unpack_msgpack(in.text(), &value, [](void* target, const msgpack::object& parsed) { static_cast<T*>(target)->msgpack_unpack(parsed); });
  return value;
}

template <class T>
void write_container(byte_writer& out, const T& values) {
  using value_type = typename T::value_type;
  static_assert(!is_borrowed<record_t<value_type>> || is_borrowed<T>,
                "salamander: this record is a container of std::string_view, whose characters it does not keep; make it one of std::string "
                "(a std::vector of views is kept as one of strings)");
  out.varint(values.size());
  if constexpr (is_raw<value_type> && requires { values.data(); }) {
    out.raw(values.data(), values.size() * sizeof(value_type));
  } else {
    for (const auto& value : values)
      write_element(out, value);
  }
}

template <class T>
T read_container(byte_reader& in) {
  using value_type = record_t<typename T::value_type>;
  T values;
  if constexpr (is_raw<value_type> && requires { values.data(); values.resize(1); }) {
    const auto count = in.count(sizeof(value_type));
    values.resize(count);
    if (count != 0)
      std::memcpy(static_cast<void*>(values.data()), in.raw(count * sizeof(value_type)), count * sizeof(value_type));
  } else {
    const auto count = in.count(least_element_bytes<value_type>);
    if constexpr (requires { values.reserve(count); })
      values.reserve(count < 4096 ? count : 4096);
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (requires { values.push_back(read_element<value_type>(in)); })
        values.push_back(read_element<value_type>(in));
      else
        values.insert(values.end(), read_element<value_type>(in));
    }
  }
  return values;
}

template <class V, std::size_t I = 0>
V read_variant(byte_reader& in, std::size_t index) {
  if constexpr (I < std::variant_size_v<V>) {
    if (index == I)
      return V(std::in_place_index<I>, read_value<std::variant_alternative_t<I, V>>(in));
    return read_variant<V, I + 1>(in, index);
  } else {
    byte_reader::corrupt("a variant has no such alternative");
  }
}

/// Gaps between members are zeroed: what lies there by chance is nobody's business, and equal values have equal bytes.
/// (Not those of pairs and tuples, which may not be copied as bytes by the letter; clang 14 cannot zero any.)
template <class T>
void write_raw(byte_writer& out, const T& value) {
  if constexpr (std::has_unique_object_representations_v<T> || std::is_arithmetic_v<T> || !std::is_trivially_copyable_v<T>) {
    out.raw(&value, sizeof(T));
  } else {
    alignas(T) std::byte room[sizeof(T)];
    std::memcpy(room, static_cast<const void*>(&value), sizeof(T));
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(reinterpret_cast<T*>(room));
#endif
#endif
    out.raw(room, sizeof(T));
  }
}

} // namespace codec_detail

/// Appends a value. Compile-time error with advice for a type that cannot travel.
template <class T>
void write_value(byte_writer& out, const T& value) {
  using namespace codec_detail;
  static_assert(!has_borrowing_member<T>, "salamander: this record is a struct with a string_view or a pointer in it, which would point "
                                          "into another process; make the member a std::string, or use std::pair or std::tuple");
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    out.text(value);
  } else if constexpr (has_msgpack_define<T>) {
    write_msgpack(out, value);
  } else if constexpr (is_raw<T>) {
    if constexpr (!std::is_empty_v<T>)
      codec_detail::write_raw(out, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.varint(value ? 1 : 0);
  } else if constexpr (is_group<T>) {
    out.varint(value.size());
    if constexpr (is_raw<typename T::value_type>) {
      if (!value.empty())
        out.raw(&*value.begin(), value.size() * sizeof(typename T::value_type));
    } else {
      for (const auto& v : value)
        write_element(out, v);
    }
  } else if constexpr (requires { value.first; value.second; typename T::first_type; }) {
    write_value(out, value.first);
    write_value(out, value.second);
  } else if constexpr (is_std_array<T>) {
    for (const auto& v : value)
      write_value(out, v);
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    std::apply([&](const auto&... fields) { (write_value(out, fields), ...); }, value);
  } else if constexpr (is_variant<T>) {
    static_assert(!variant_borrows<T>, "salamander: this record is a std::variant with a std::string_view in it, whose characters it does not "
                                       "keep; make it a std::string");
    out.varint(value.index());
    std::visit([&](const auto& v) { write_value(out, v); }, value);
  } else if constexpr (container_record<T>) {
    write_container(out, value);
  } else if constexpr (requires { value.has_value(); *value; }) {
    out.varint(value.has_value() ? 1 : 0);
    if (value)
      write_value(out, *value);
  } else if constexpr (is_smart_pointer<T> || std::is_pointer_v<T>) {
    static_assert(always_false<T>, "salamander: a pointer cannot travel between processes; put the value itself into the record, "
                                   "and a std::string instead of a literal");
  } else if constexpr (looks_elsewhere<T>) {
    static_assert(always_false<T>, "salamander: a std::span or std::reference_wrapper cannot travel between processes, it points to what somebody "
                                   "else owns; put a std::vector or the value itself into the record");
  } else if constexpr (is_reflectable<T>) {
    for_each_field(value, [&](const auto& field) { write_value(out, field); });
  } else {
    static_assert(always_false<T>, "salamander: this record type cannot travel; make it an aggregate of types that can, or add "
                                   "MSGPACK_DEFINE(members...) and include <msgpack.hpp>");
  }
}

/// Takes a value. Errors: errc::corrupt_data.
template <class T>
T read_value(byte_reader& in) {
  using namespace codec_detail;
  if constexpr (std::is_same_v<T, std::string>) {
    return std::string(in.text());
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    return in.text();
  } else if constexpr (has_msgpack_define<T>) {
    return read_msgpack<T>(in);
  } else if constexpr (is_raw<T>) {
    if constexpr (std::is_empty_v<T>) {
      return T{};
    } else {
      alignas(T) std::byte room[sizeof(T)];
      std::memcpy(room, in.raw(sizeof(T)), sizeof(T));
      return *std::launder(reinterpret_cast<T*>(room));
    }
  } else if constexpr (std::is_same_v<T, bool>) {
    return in.flag();
  } else if constexpr (is_group<T>) {
    return T(read_container<std::vector<typename T::value_type>>(in));
  } else if constexpr (requires(T v) { v.first; v.second; typename T::first_type; }) {
    auto first = read_value<typename T::first_type>(in);
    return T(std::move(first), read_value<typename T::second_type>(in));
  } else if constexpr (is_std_array<T>) {
    T values;
    for (auto& value : values)
      value = read_value<typename T::value_type>(in);
    return values;
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{read_value<std::tuple_element_t<I, T>>(in)...};
    }(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (is_variant<T>) {
    return read_variant<T>(in, in.varint());
  } else if constexpr (container_record<T>) {
    return read_container<T>(in);
  } else if constexpr (requires(T v) { v.has_value(); *v; }) {
    if (!in.flag())
      return std::nullopt;
    return T(read_value<typename T::value_type>(in));
  } else if constexpr (is_reflectable<T>) {
    T value{};
    for_each_field(value, [&](auto& field) { field = read_value<std::remove_cvref_t<decltype(field)>>(in); });
    return value;
  } else {
    static_assert(always_false<T>, "salamander: this record type cannot travel; make it an aggregate of types that can, or add "
                                   "MSGPACK_DEFINE(members...) and include <msgpack.hpp>");
  }
}

} // namespace salamander::core
