// Records of many types by the codec: u8 which type, its bytes. New types are added at the end of the list.
#include "fuzz.hpp"
#include "record_types.hpp"

#include <array>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>

namespace {

using namespace fuzz;
using namespace salamander::core;

template <class T>
byte_buffer written(const T& value) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_value(out, value);
  return bytes;
}

template <class T>
bool decode(input_bytes input) {
  byte_buffer first;
  const bool read = accepts(
      [&] {
        byte_reader in(input);
        first = written(read_value<T>(in));
      },
      {errc::corrupt_data});
  if (!read)
    return false;
  byte_reader in(first);
  const auto second = written(read_value<T>(in));
  expect(in.left() == 0, "a value takes all the bytes that it was written as");
  // A hash table may hand out the same entries in another order.
  if constexpr (requires(T value) { value.bucket_count(); })
    expect(first.size() == second.size(), "a value that was read is written and read the same");
  else
    expect(first == second, "a value that was read is written and read the same");
  return true;
}

using decoder = bool (*)(input_bytes);
using salamander::group;

constexpr auto decoders = std::to_array<decoder>({
    &decode<std::string>,
    &decode<std::string_view>,
    &decode<std::uint64_t>,
    &decode<bool>,
    &decode<fuzz::colour>,
    &decode<std::vector<int>>,
    &decode<std::vector<bool>>,
    &decode<std::vector<std::string>>,
    &decode<std::vector<std::vector<std::vector<std::string>>>>,
    &decode<std::deque<std::string>>,
    &decode<std::list<std::pair<int, std::string>>>,
    &decode<std::set<std::string>>,
    &decode<std::map<std::string, std::vector<int>>>,
    &decode<std::unordered_map<std::string, int>>,
    &decode<std::pair<std::string, double>>,
    &decode<std::tuple<int, std::string, bool>>,
    &decode<std::tuple<>>,
    &decode<std::array<std::string, 3>>,
    &decode<std::array<bool, 4>>,
    &decode<std::optional<int>>,
    &decode<std::optional<std::string>>,
    &decode<std::vector<std::optional<bool>>>,
    &decode<std::variant<int, std::string, std::vector<std::string>>>,
    &decode<std::variant<int, double>>,
    &decode<fuzz::plain_point>,
    &decode<fuzz::flagged>,
    &decode<std::vector<fuzz::flagged>>,
    &decode<fuzz::person>,
    &decode<std::vector<fuzz::person>>,
    &decode<fuzz::message>,
    &decode<std::vector<fuzz::message>>,
    &decode<fuzz::message_tree>,
    &decode<group<int>>,
    &decode<group<std::string>>,
    &decode<std::list<fuzz::nothing>>,
    &decode<std::vector<std::array<std::string, 0>>>,
    &decode<fuzz::choice>,
    &decode<std::optional<fuzz::choice>>,
});

bool run_one(input_bytes input) {
  controls head(input);
  const auto which = head.take<std::uint8_t>();
  return which < decoders.size() && decoders[which](head.rest());
}

// -- seeds ----------------------------------------------------------------------

template <class T>
seed example(const char* name, const T& value) {
  for (std::size_t which = 0; which < decoders.size(); ++which)
    if (decoders[which] == static_cast<decoder>(&decode<T>))
      return {name, after_controls(text_of(written(value)), static_cast<std::uint8_t>(which)), true};
  fail(std::string("no such type of records: ") + name);
}

template <class T>
seed hostile(const char* name, std::string_view data) {
  auto one = example(name, T{});
  one.data.resize(1);
  byte_writer(one.data).raw(data.data(), data.size());
  one.valid = false;
  return one;
}

/// 500 arrays, each in the one before, each announcing as many elements as there are bytes left.
std::string nested_announcements() {
  std::string packed;
  for (int i = 0; i < 30; ++i)
    packed += std::string("\xdc\x0f\xf0", 3);
  packed += std::string(4000, '\xc0');
  return std::string(text_of(length_and(packed.size(), packed)));
}

std::vector<seed> example_seeds() {
  using namespace std::string_literals;
  return {example("string", "a string"s),
          example("number", std::uint64_t{77}),
          example("bool", true),
          example("ints", std::vector<int>{1, 2, 3}),
          example("bools", std::vector<bool>{true, false}),
          example("strings", std::vector<std::string>{"a", "", "ccc"}),
          example("nested", std::vector<std::vector<std::vector<std::string>>>{{{"a", "b"}, {}}, {}, {{"c"}}}),
          example("deque", std::deque<std::string>{"x", "y"}),
          example("list", std::list<std::pair<int, std::string>>{{4, "four"}, {5, "five"}}),
          example("set", std::set<std::string>{"b", "a"}),
          example("map", std::map<std::string, std::vector<int>>{{"one", {1}}, {"none", {}}}),
          example("hash-map", std::unordered_map<std::string, int>{{"one", 1}, {"two", 2}}),
          example("tuple", std::tuple<int, std::string, bool>{1, "t", true}),
          example("array", std::array<std::string, 3>{"a", "b", "c"}),
          example("optional", std::optional<int>(7)),
          example("no-string", std::optional<std::string>()),
          example("optional-bools", std::vector<std::optional<bool>>{true, std::nullopt, false}),
          example("variant", std::variant<int, std::string, std::vector<std::string>>(std::vector<std::string>{"v"})),
          example("plain-variant", std::variant<int, double>(2.5)),
          example("plain", plain_point{1.5, -3}),
          example("flagged", std::vector<flagged>{{true, 1.5, false}, {false, 2.5, true}}),
          example("person", person{"ann", {"a", "b"}, "dr", {1, 2}}),
          example("people", std::vector<person>{{"ann", {"a"}, std::nullopt, {1, 2}}, {"bob", {}, "mr", {}}}),
          example("message", message{"p", {1, 2, 300}, {{"k", "v"}}}),
          example("message-tree", message_tree{{{{"p", {}, {}}}, {}}, 3}),
          example("group", group<std::string>(std::vector<std::string>{"a", "b"})),
          example("nothings", std::list<nothing>(3)),
          example("no-strings", std::vector<std::array<std::string, 0>>(3)),
          example("choice", choice{std::variant<int, double>(2.5), true})};
}

std::vector<seed> record_seeds() {
  auto all = example_seeds();
  const auto announced = [](std::uint64_t length) { return std::string(text_of(length_and(length, std::string(30, '\x01')))); };
  all.push_back(hostile<std::string>("string-2-63", announced(1ULL << 63)));
  all.push_back(hostile<std::vector<int>>("ints-2-62", announced(1ULL << 62)));
  all.push_back(hostile<std::vector<std::string>>("strings-2-40", announced(1ULL << 40)));
  all.push_back(hostile<std::list<nothing>>("nothings-2-64", announced(~std::uint64_t{0})));
  all.push_back(hostile<std::vector<std::array<std::string, 0>>>("no-strings-2-64", announced(~std::uint64_t{0})));
  all.push_back(hostile<message>("message-2-32", {"\x05\xdd\xff\xff\xff\xff", 6}));
  all.push_back(hostile<message>("message-nested", nested_announcements()));
  all.push_back(hostile<message_tree>("message-trailing", {"\x03\x90\x90\x90", 4}));
  all.push_back(hostile<bool>("bool-2", "\x02"));
  all.push_back(hostile<std::vector<bool>>("bools-ff", {"\x02\x01\xff", 3}));
  all.push_back(hostile<std::optional<int>>("optional-2", {"\x02\x01\x01\x01\x01", 5}));
  all.push_back(hostile<std::variant<int, double>>("variant-200", announced(200)));
  return all;
}

// A type of many small containers takes most: an empty vector in a vector, 24 bytes for one; vectors grow by doubling.
const registered records({"records", &run_one, &record_seeds, {512U << 10, 256}});

} // namespace
