// Blocks of records as reduce tasks and the driver read them: u8 which type of rows, a block.
#include "fuzz.hpp"
#include "record_types.hpp"

#include <salamander/rdd/record_block.hpp>

#include <array>

namespace {

using namespace fuzz;
using namespace salamander::core;

block shared(byte_buffer bytes) {
  return {nullptr, std::make_shared<const byte_buffer>(std::move(bytes))};
}

template <class Row>
byte_buffer block_of(const block_rows<Row>& rows) {
  record_block<Row> made;
  made.rows.assign(rows.begin(), rows.end());
  byte_buffer bytes;
  made.encode(bytes);
  return bytes;
}

template <class Row>
bool read_rows(input_bytes input) {
  byte_buffer first;
  const bool read = accepts(
      [&] {
        const block_rows<Row> rows(shared({input.begin(), input.end()}));
        first = block_of(rows);
      },
      {errc::corrupt_data});
  if (!read)
    return false;
  expect(block_of(block_rows<Row>(shared(first))) == first, "a block that was read is written and read the same");
  return true;
}

template <class R>
bool read_result(input_bytes input) {
  byte_buffer first;
  const auto written = [](R value) {
    byte_buffer bytes;
    value_block<R>(std::move(value)).encode(bytes);
    return bytes;
  };
  if (!accepts([&] { first = written(take_value<R>(shared({input.begin(), input.end()}))); }, {errc::corrupt_data}))
    return false;
  expect(written(take_value<R>(shared(first))) == first, "a result that was read is written and read the same");
  return true;
}

using decoder = bool (*)(input_bytes);
using text = std::string_view;

constexpr auto decoders = std::to_array<decoder>({
    &read_rows<int>,
    &read_rows<double>,
    &read_rows<bool>,
    &read_rows<text>,
    &read_rows<std::pair<text, std::int64_t>>,
    &read_rows<std::pair<text, text>>,
    &read_rows<std::pair<int, bool>>,
    &read_rows<std::optional<int>>,
    &read_rows<std::tuple<int, text, std::optional<text>>>,
    &read_rows<std::vector<std::string>>,
    &read_rows<std::pair<text, std::vector<int>>>,
    &read_rows<fuzz::flagged>,
    &read_rows<fuzz::person>,
    &read_rows<fuzz::message>,
    &read_rows<fuzz::choice>,
    &read_rows<fuzz::nothing>,
    &read_rows<std::array<std::string, 0>>,
    &read_result<std::int64_t>,
    &read_result<std::vector<std::pair<std::string, double>>>,
    &read_result<std::optional<fuzz::person>>,
});

bool run_one(input_bytes input) {
  controls head(input);
  const auto which = head.take<std::uint8_t>();
  return which < decoders.size() && decoders[which](head.rest());
}

// -- seeds ----------------------------------------------------------------------

template <class Row>
std::uint8_t number_of() {
  for (std::size_t which = 0; which < decoders.size(); ++which)
    if (decoders[which] == static_cast<decoder>(&read_rows<Row>))
      return static_cast<std::uint8_t>(which);
  fail("no such type of rows");
}

template <class Row>
seed example(const char* name, std::initializer_list<Row> rows) {
  record_block<Row> made;
  made.rows.assign(rows.begin(), rows.end());
  byte_buffer bytes;
  made.encode(bytes);
  return {name, after_controls(text_of(bytes), number_of<Row>()), true};
}

/// A block that says how many rows it has, and has 64 bytes of them.
template <class Row>
seed announced(const char* name, std::uint64_t count, char filling = '\x01') {
  return {name, after_controls(std::string(64, filling), number_of<Row>(), count, std::uint64_t{0}), false};
}

/// Rows without members are written as a byte each, which may be any.
seed nothings(const char* name) {
  return {name, after_controls(std::string(2, '\0'), number_of<nothing>(), std::uint64_t{2}, std::uint64_t{0}), true};
}

std::vector<seed> seeds() {
  return {example<int>("ints", {1, 2, 3}),
          example<bool>("bools", {true, false}),
          example<text>("texts", {"a", "", "a longer text of one row"}),
          example<std::pair<text, std::int64_t>>("counts", {{"a", 1}, {"b", 2}}),
          example<std::pair<int, bool>>("flags", {{1, true}, {2, false}}),
          example<std::optional<int>>("optionals", {1, std::nullopt}),
          example<std::tuple<int, text, std::optional<text>>>("tuples", {{1, "a", "b"}, {2, "c", std::nullopt}}),
          example<std::vector<std::string>>("lists", {{"a", "b"}, {}}),
          example<flagged>("flagged", {{true, 0.5, false}}),
          example<person>("people", {{"ann", {"a"}, "dr", {1, 2}}}),
          example<message>("messages", {{"p", {1, 2}, {{"k", "v"}}}}),
          example<choice>("choices", {{2.5, true}, {7, std::nullopt}}),
          nothings("nothings"),
          example<std::array<std::string, 0>>("no-strings", {{}, {}}),
          announced<int>("ints-2-62", 1ULL << 62),
          announced<double>("doubles-2-61", 1ULL << 61),
          announced<text>("texts-2-64", ~std::uint64_t{0}),
          announced<person>("people-2-40", 1ULL << 40),
          announced<message>("messages-2-64", ~std::uint64_t{0}),
          announced<nothing>("nothings-2-64", ~std::uint64_t{0}),
          announced<std::array<std::string, 0>>("no-strings-2-64", ~std::uint64_t{0}),
          announced<std::pair<int, bool>>("flags-8-of-77", 8, '\x77')};
}

const registered blocks({"record_blocks", &run_one, &seeds, {512U << 10, 128}});

} // namespace
