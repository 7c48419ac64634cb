#include <salamander/rdd/json_reader.hpp>

#include <simdjson.h>

#include <cstring>

namespace salamander::core {

namespace dom = simdjson::dom;

static_assert(sizeof(dom::element) == 16 && alignof(dom::element) <= 8 && std::is_trivially_copyable_v<dom::element>);

/// Between the parser's values and ours.
class json_document {
public:
  static json_value wrapped(const dom::element& value) noexcept {
    json_value made;
    std::memcpy(made.bits_, &value, sizeof value);
    return made;
  }
  static dom::element unwrapped(const json_value& value) noexcept {
    dom::element made;
    std::memcpy(static_cast<void*>(&made), value.bits_, sizeof made);
    return made;
  }
};

json_value::kind json_value::what() const noexcept {
  switch (json_document::unwrapped(*this).type()) {
  case dom::element_type::ARRAY:
    return kind::list;
  case dom::element_type::OBJECT:
    return kind::object;
  case dom::element_type::INT64:
    return kind::integer;
  case dom::element_type::UINT64:
    return kind::large_integer;
  case dom::element_type::DOUBLE:
    return kind::number;
  case dom::element_type::STRING:
    return kind::text;
  case dom::element_type::BOOL:
    return kind::boolean;
  case dom::element_type::NULL_VALUE:
    break;
  }
  return kind::null;
}

const char* json_value::describe() const noexcept {
  constexpr const char* names[] = {"null", "a boolean", "an integer", "a large integer", "a number", "a text", "a list", "an object"};
  return names[static_cast<std::size_t>(what())];
}

bool json_value::boolean() const noexcept {
  return json_document::unwrapped(*this).get_bool().value_unsafe();
}

std::int64_t json_value::integer() const noexcept {
  return json_document::unwrapped(*this).get_int64().value_unsafe();
}

std::uint64_t json_value::large_integer() const noexcept {
  return json_document::unwrapped(*this).get_uint64().value_unsafe();
}

double json_value::number() const noexcept {
  return json_document::unwrapped(*this).get_double().value_unsafe();
}

std::string_view json_value::text() const noexcept {
  return json_document::unwrapped(*this).get_string().value_unsafe();
}

std::size_t json_value::size() const noexcept {
  const auto value = json_document::unwrapped(*this);
  return what() == kind::list ? value.get_array().value_unsafe().size() : value.get_object().value_unsafe().size();
}

std::optional<json_value> json_value::member(std::string_view name) const noexcept {
  dom::element found;
  if (json_document::unwrapped(*this).get_object().value_unsafe().at_key(name).get(found) != simdjson::SUCCESS)
    return std::nullopt;
  return json_document::wrapped(found);
}

bool json_value::for_elements(visit f, void* to) const {
  const dom::array elements = json_document::unwrapped(*this).get_array().value_unsafe();
  for (const auto one : elements)
    if (!f(to, {}, json_document::wrapped(one)))
      return false;
  return true;
}

bool json_value::for_members(visit f, void* to) const {
  const dom::object members = json_document::unwrapped(*this).get_object().value_unsafe();
  for (const auto& [name, one] : members)
    if (!f(to, name, json_document::wrapped(one)))
      return false;
  return true;
}

struct json_reader::state {
  state(const file_split& split, text_reader_options reading) : lines(split, std::move(reading)) {}

  row_lines lines;
  dom::parser parser;
  dom::element value;
  std::string_view line;
  std::string reason;
};

json_reader::json_reader(const file_split& split, text_reader_options reading)
    : state_(std::make_unique<state>(split, std::move(reading))) {}

json_reader::~json_reader() = default;

json_reader::outcome json_reader::next() {
  auto& at = *state_;
  do {
    if (!at.lines.next(at.line))
      return outcome::end;
  } while (at.line.find_first_not_of(" \t") == std::string_view::npos);
  const auto failure = at.parser.parse(at.line.data(), at.line.size()).get(at.value);
  if (failure == simdjson::SUCCESS)
    return outcome::row;
  at.reason = std::string("it is no JSON: ") + simdjson::error_message(failure);
  return outcome::malformed;
}

json_value json_reader::value() const noexcept {
  return json_document::wrapped(state_->value);
}

const std::string& json_reader::reason() const noexcept {
  return state_->reason;
}

malformed_row json_reader::row(std::string reason) {
  constexpr std::size_t told_bytes_max = 4096;
  auto& at = *state_;
  return {at.lines.path(), at.lines.number(), std::string(at.line.substr(0, told_bytes_max)), std::move(reason)};
}

std::uint64_t json_reader::bytes_read() const noexcept {
  return state_->lines.bytes_read();
}

} // namespace salamander::core
