// How messages become bytes: one run of bytes each, by the codec that also encodes records and plans.
#pragma once

#include <salamander/actors/executor_runtime.hpp>
#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/error.hpp>

#include <string>

namespace salamander::actors {

/// A message that may leave the process: it has a `wire_name` and shows its fields to a visitor.
template <class T>
concept wire_message = requires(T& message) {
  { T::wire_name } -> std::convertible_to<const char*>;
  message.fields([](auto&...) {});
};

namespace wire {

void put(core::byte_writer& out, const std::shared_ptr<const core::byte_buffer>& bytes);
void put(core::byte_writer& out, const stage_order& order);
void put(core::byte_writer& out, const std::vector<task_report>& reports);
void put(core::byte_writer& out, const std::vector<cached_contribution>& all);
template <class T>
void put(core::byte_writer& out, const T& value) {
  core::write_value(out, value);
}

void get(core::byte_reader& in, std::shared_ptr<const core::byte_buffer>& bytes);
void get(core::byte_reader& in, stage_order& order);
void get(core::byte_reader& in, std::vector<task_report>& reports);
void get(core::byte_reader& in, std::vector<cached_contribution>& all);
template <class T>
void get(core::byte_reader& in, T& value) {
  value = core::read_value<T>(in);
}

/// One of several messages: which one, then its fields. The pointer is never null.
template <wire_message... Messages>
void put(core::byte_writer& out, const std::shared_ptr<const std::variant<Messages...>>& one) {
  out.varint(one->index());
  std::visit(
      [&]<class Message>(const Message& message) {
        const_cast<Message&>(message).fields([&](const auto&... fields) { (wire::put(out, fields), ...); });
      },
      *one);
}

template <wire_message... Messages>
void get(core::byte_reader& in, std::shared_ptr<const std::variant<Messages...>>& one) {
  using any = std::variant<Messages...>;
  const auto index = in.varint();
  if (index >= sizeof...(Messages))
    core::byte_reader::corrupt("a message is of an unknown kind");
  std::uint64_t kind = 0;
  const auto read = [&]<class Message>(std::type_identity<Message>) {
    if (kind++ != index)
      return;
    Message message;
    message.fields([&](auto&... fields) { (wire::get(in, fields), ...); });
    one = std::make_shared<const any>(std::move(message));
  };
  (read(std::type_identity<Messages>()), ...);
}

/// Upper bound on what a report or an order takes on the wire, cheap to compute.
std::size_t size_of(const stage_order& order);
std::size_t size_of(const task_report& report);
std::size_t size_of(const cached_contribution& one);

/// CAF copies std::string in bulk; vectors of std::byte it would copy one by one.
std::string to_string(const core::byte_buffer& bytes);

} // namespace wire

template <wire_message T>
std::string encode_message(const T& message) {
  core::byte_buffer bytes;
  core::byte_writer out(bytes);
  const_cast<T&>(message).fields([&](const auto&... fields) { (wire::put(out, fields), ...); });
  return wire::to_string(bytes);
}

/// Errors: errc::corrupt_data.
template <wire_message T>
void decode_message(std::string_view bytes, T& message) {
  core::byte_reader in(std::as_bytes(std::span(bytes)));
  message.fields([&](auto&... fields) { (wire::get(in, fields), ...); });
  if (in.left() != 0)
    core::byte_reader::corrupt("a message is longer than its fields");
}

} // namespace salamander::actors
