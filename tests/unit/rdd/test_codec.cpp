#include <salamander/rdd/codec.hpp>

#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>
#include <msgpack.hpp>

#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <random>
#include <set>
#include <unordered_map>

namespace {

using namespace salamander;
using namespace salamander::core;

struct plain_point {
  double x = 0;
  std::int32_t y = 0;
  friend bool operator==(const plain_point&, const plain_point&) = default;
};
struct person {
  std::string name;
  std::vector<std::string> tags;
  std::optional<std::string> title;
  plain_point at;
  friend bool operator==(const person&, const person&) = default;
};
struct halves {
  std::string first;
  std::string second;
  std::string third;
  friend bool operator==(const halves&, const halves&) = default;
};
struct packed {
  std::string name;
  std::vector<int> numbers;
  MSGPACK_DEFINE(name, numbers)
  friend bool operator==(const packed&, const packed&) = default;
};
struct flagged {
  double number = 0;
  bool flag = false;
  friend bool operator==(const flagged&, const flagged&) = default;
};
struct choice {
  std::variant<int, double> value;
  std::optional<bool> flag;
  friend bool operator==(const choice&, const choice&) = default;
};
struct with_array {
  float numbers[3] = {};
  bool flag = false;
};
struct with_base : plain_point {
  bool flag = false;
};
struct nothing {
  friend bool operator==(const nothing&, const nothing&) = default;
};
enum class colour : std::uint8_t { red, green };

template <class T>
byte_buffer bytes_of(const T& value) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_value(out, value);
  return bytes;
}

template <class T>
void check_round_trip(const T& value) {
  const auto bytes = bytes_of(value);
  byte_reader in(bytes);
  CHECK((read_value<T>(in) == value));
  CHECK(in.left() == 0);
}

/// Whatever the bytes are: a value, or errc::corrupt_data.
template <class T>
bool reads_or_refuses(std::span<const std::byte> bytes) {
  try {
    byte_reader in(bytes);
    static_cast<void>(read_value<T>(in));
    return true;
  } catch (const error& failure) {
    return failure.code() == errc::corrupt_data;
  }
}

template <class T>
bool refuses(std::span<const std::byte> bytes) {
  try {
    byte_reader in(bytes);
    static_cast<void>(read_value<T>(in));
  } catch (const error& failure) {
    return failure.code() == errc::corrupt_data;
  }
  return false;
}

byte_buffer varint_bytes(std::uint64_t value) {
  byte_buffer bytes;
  byte_writer(bytes).varint(value);
  return bytes;
}

std::string random_text(std::mt19937_64& random) {
  std::string text(random() % 40, '\0');
  for (auto& c : text)
    c = static_cast<char>(random());
  return text;
}

person random_person(std::mt19937_64& random) {
  person one{random_text(random), {}, std::nullopt, {static_cast<double>(random()), static_cast<std::int32_t>(random())}};
  for (auto left = random() % 5; left != 0; --left)
    one.tags.push_back(random_text(random));
  if (random() % 2 == 0)
    one.title = random_text(random);
  return one;
}

using nested = std::pair<std::string, std::vector<std::map<std::string, std::optional<std::vector<int>>>>>;
using either = std::variant<int, std::string, plain_point>;

} // namespace

TEST_CASE("every documented kind of record survives the codec") {
  check_round_trip(std::int8_t{-1});
  check_round_trip(std::numeric_limits<std::uint64_t>::max());
  check_round_trip(-0.5F);
  check_round_trip(true);
  check_round_trip('x');
  check_round_trip(colour::green);
  check_round_trip(plain_point{1.5, -3});
  check_round_trip(nothing{});
  check_round_trip(std::string());
  check_round_trip(std::string("a\0b", 3));
  check_round_trip(std::string(100000, 'q'));
  check_round_trip(std::vector<int>{1, -2, 3});
  check_round_trip(std::vector<int>{});
  check_round_trip(std::vector<bool>{true, false, true});
  check_round_trip(std::vector<std::string>{"a", "", "ccc"});
  check_round_trip(std::vector<std::vector<double>>{{1}, {}, {2, 3}});
  check_round_trip(std::deque<std::string>{"x", "y"});
  check_round_trip(std::list<int>{4, 5});
  check_round_trip(std::vector<nothing>(3));
  check_round_trip(std::list<nothing>(3));
  check_round_trip(std::vector<std::array<std::string, 0>>(3));
  check_round_trip(std::vector<flagged>{{1.5, true}, {2.5, false}});
  check_round_trip(std::vector<choice>{{2.5, true}, {7, std::nullopt}});
  check_round_trip(std::set<std::string>{"b", "a"});
  check_round_trip(std::map<std::string, int>{{"one", 1}, {"two", 2}});
  check_round_trip(std::unordered_map<int, std::string>{{1, "one"}, {2, "two"}});
  check_round_trip(std::pair<int, double>{1, 2.5});
  check_round_trip(std::pair<std::string, std::vector<int>>{"k", {1}});
  check_round_trip(std::tuple<int, std::string, bool>{1, "t", true});
  check_round_trip(std::tuple<>{});
  check_round_trip(std::array<int, 3>{1, 2, 3});
  check_round_trip(std::array<std::string, 2>{"a", "b"});
  check_round_trip(std::optional<int>{});
  check_round_trip(std::optional<int>{7});
  check_round_trip(std::optional<std::string>{"o"});
  check_round_trip(std::optional<std::string>{});
  check_round_trip(either{std::in_place_index<0>, 4});
  check_round_trip(either{"text"});
  check_round_trip(std::variant<int, double>{2.5});
  check_round_trip(person{"ann", {"a", "b"}, "dr", {1, 2}});
  check_round_trip(halves{"members", "named", "like a pair's"});
  check_round_trip(packed{"p", {1, 2, 300}});
  check_round_trip(std::vector<packed>{{"p", {}}, {"", {-1}}});
  check_round_trip(nested{"n", {{{"k", std::vector<int>{1}}, {"none", std::nullopt}}, {}}});
}

TEST_CASE("a group travels as its values") {
  const group<std::string> values(std::vector<std::string>{"a", "b"});
  const auto bytes = bytes_of(values);
  byte_reader in(bytes);
  const auto read = read_value<group<std::string>>(in);
  CHECK(std::vector<std::string>(read.begin(), read.end()) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("views read from bytes point into them") {
  const auto bytes = bytes_of(std::pair<std::string_view, int>{"shared", 1});
  byte_reader in(bytes);
  const auto read = read_value<std::pair<std::string_view, int>>(in);
  CHECK(read.first == "shared");
  CHECK(reinterpret_cast<const std::byte*>(read.first.data()) == bytes.data() + 1);
}

TEST_CASE("random records survive the codec one after the other") {
  std::mt19937_64 random(20120425);
  std::vector<person> people;
  byte_buffer bytes;
  byte_writer out(bytes);
  for (int i = 0; i < 500; ++i) {
    people.push_back(random_person(random));
    write_value(out, people.back());
    out.varint(random() >> (random() % 64));
  }
  byte_reader in(bytes);
  for (const auto& one : people) {
    CHECK(read_value<person>(in) == one);
    in.varint();
  }
  CHECK(in.left() == 0);
}

TEST_CASE("varints hold all 64 bits and refuse more") {
  for (const auto value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    const auto bytes = varint_bytes(value);
    CHECK(byte_reader(bytes).varint() == value);
  }
  byte_buffer endless(11, std::byte{0xff});
  CHECK_THROWS_AS(byte_reader(endless).varint(), error);
  byte_buffer sixty_fifth_bit(9, std::byte{0x80});
  sixty_fifth_bit.push_back(std::byte{2});
  CHECK_THROWS_AS(byte_reader(sixty_fifth_bit).varint(), error);
}

TEST_CASE("a number has one form, the shortest") {
  for (const auto* longer : {"\x80\x00", "\xff\x80\x00"})
    CHECK_THROWS_AS(byte_reader(std::as_bytes(std::span(longer, longer[0] == '\x80' ? 2 : 3))).varint(), error);
  const auto bytes = varint_bytes(1ULL << 32);
  CHECK_THROWS_AS(byte_reader(bytes).varint32(), error);
  const auto largest = varint_bytes(0xffffffffU);
  CHECK(byte_reader(largest).varint32() == 0xffffffffU);
}

TEST_CASE("a flag that is neither true nor false is refused, wherever it is") {
  static_assert(is_raw<plain_point> && is_raw<std::pair<int, plain_point>> && is_raw<colour> && is_raw<std::array<double, 3>>);
  static_assert(!is_raw<bool> && !is_raw<flagged> && !is_raw<choice> && !is_raw<std::pair<int, bool>> && !is_raw<std::optional<int>>);
  static_assert(is_raw<with_array> && is_raw<with_base>); // members of these cannot be reached one by one
  const auto check = [](const auto& value) {
    using type = std::remove_cvref_t<decltype(value)>;
    auto bytes = bytes_of(value);
    REQUIRE(reads_or_refuses<type>(bytes));
    CHECK_FALSE(refuses<type>(bytes));
    bytes.back() = std::byte{2};
    CHECK(refuses<type>(bytes));
  };
  check(true);
  check(std::vector<bool>{false, true});
  check(flagged{1, true});
  check(std::vector<flagged>{{1, true}, {2, true}});
  check(std::pair<int, bool>{1, true});
  check(std::optional<bool>{});
  check(std::array<bool, 2>{true, true});
  check(choice{1, false});
}

TEST_CASE("records cut short are refused at every length") {
  const auto check = [](const auto& value) {
    using type = std::remove_cvref_t<decltype(value)>;
    const auto bytes = bytes_of(value);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK(refuses<type>(std::span(bytes.data(), size)));
  };
  check(person{"ann", {"a", "b"}, "dr", {1, 2}});
  check(nested{"n", {{{"k", std::vector<int>{1, 2}}, {"none", std::nullopt}}, {}}});
  check(either{"text"});
  check(packed{"p", {1, 2, 300}});
  check(std::vector<double>{1, 2, 3});
  check(std::tuple<int, std::string, bool>{1, "t", true});
}

TEST_CASE("records with flipped bits are read or refused, never worse") {
  std::mt19937_64 random(7);
  const auto bytes = bytes_of(std::vector<person>{random_person(random), random_person(random)});
  const auto other = bytes_of(nested{"n", {{{"k", std::vector<int>{1, 2}}, {"none", std::nullopt}}, {}}});
  const auto message = bytes_of(std::vector<packed>{{"p", {1, 2, 300}}, {"q", {}}});
  const auto check = [&]<class T>(std::type_identity<T>, const byte_buffer& good) {
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      CHECK(reads_or_refuses<T>(bad));
    }
    for (int i = 0; i < 2000; ++i) {
      byte_buffer noise(random() % 64);
      for (auto& byte : noise)
        byte = static_cast<std::byte>(random());
      CHECK(reads_or_refuses<T>(noise));
    }
  };
  check(std::type_identity<std::vector<person>>{}, bytes);
  check(std::type_identity<nested>{}, other);
  check(std::type_identity<std::vector<packed>>{}, message);
}

TEST_CASE("lengths that cannot be true are refused before memory is asked for") {
  for (const auto length : {std::uint64_t{1} << 20, std::uint64_t{1} << 40, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
    auto bytes = varint_bytes(length);
    bytes.resize(bytes.size() + 64);
    CHECK(refuses<std::string>(bytes));
    CHECK(refuses<std::vector<char>>(bytes));
    CHECK(refuses<std::vector<double>>(bytes));
    CHECK(refuses<std::vector<std::string>>(bytes));
    CHECK(refuses<std::map<int, int>>(bytes));
    CHECK(refuses<group<double>>(bytes));
    CHECK(refuses<packed>(bytes));
  }
  // MessagePack: an array of 2^32 - 1 elements in five bytes
  auto bytes = varint_bytes(5);
  for (const auto byte : {0xdd, 0xff, 0xff, 0xff, 0xff})
    bytes.push_back(static_cast<std::byte>(byte));
  CHECK(refuses<packed>(bytes));
}

TEST_CASE("MessagePack nested a thousand deep is refused") {
  auto bytes = varint_bytes(1001);
  bytes.resize(bytes.size() + 1000, std::byte{0x91});
  bytes.push_back(std::byte{0});
  byte_reader in(bytes);
  try {
    read_value<packed>(in);
    FAIL("not refused");
  } catch (const error& failure) {
    CHECK(failure.code() == errc::corrupt_data);
    CHECK(std::string(failure.what()).find("MessagePack value is damaged") != std::string::npos); // while parsing, not while converting
  }
}

TEST_CASE("MessagePack arrays cannot count the same bytes again in each level") {
  byte_buffer packed_bytes;
  byte_writer out(packed_bytes);
  for (int level = 0; level < 16; ++level)
    out.raw("\xdd\x00\x00\xf0\x00", 5); // 61,440 elements, which would take 1.5 MB in each level
  packed_bytes.resize(65000, std::byte{0xc0});
  byte_buffer bytes;
  byte_writer(bytes).text({reinterpret_cast<const char*>(packed_bytes.data()), packed_bytes.size()});
  byte_reader in(bytes);
  try {
    read_value<packed>(in);
    FAIL("not refused");
  } catch (const error& failure) {
    CHECK(std::string(failure.what()).find("MessagePack value is damaged") != std::string::npos); // before anything was made of it
  }
}

TEST_CASE("MessagePack with something behind its value is refused") {
  byte_buffer bytes;
  byte_writer(bytes).text({"\x92\xa1p\x90\xc0", 5});
  CHECK(refuses<packed>(bytes));
}

TEST_CASE("MessagePack of other members is refused") {
  byte_buffer bytes;
  byte_writer(bytes).text("\x92\x01\x02"); // [1, 2]: no string, no array
  CHECK(refuses<packed>(bytes));
}

TEST_CASE("a variant's unknown alternative is refused, of plain values too") {
  for (std::uint64_t index = 3; index < 300; index += 11) {
    auto bytes = varint_bytes(index);
    bytes.resize(bytes.size() + 64);
    CHECK(refuses<either>(bytes));
    CHECK(refuses<std::variant<int, double>>(bytes));
  }
}

TEST_CASE("a record's owned, kept and row types say who owns characters") {
  using record = std::pair<std::string_view, std::tuple<int, std::optional<std::string_view>>>;
  static_assert(std::is_same_v<owned_t<record>, std::pair<std::string, std::tuple<int, std::optional<std::string>>>>);
  static_assert(std::is_same_v<kept_t<std::pair<std::string_view, group<int>>>, std::pair<std::string, group<int>>>);
  static_assert(std::is_same_v<row_t<owned_t<record>>, record>);
  static_assert(is_plain<std::pair<int, std::optional<double>>> && !is_plain<std::string_view> && !is_plain<std::pair<int, const char*>>);
  static_assert(is_borrowed<record> && !is_borrowed<owned_t<record>>);

  arena characters;
  std::string text = "a text that is longer than any small buffer";
  const owned_t<record> original{text, {4, text}};
  const auto row = to_row(original, characters);
  CHECK(row.first.data() != original.first.data());
  CHECK(to_owned<owned_t<record>>(row) == original);
  owned_t<record> assigned;
  assign_owned(assigned, row);
  CHECK(assigned == original);
  CHECK(heap_bytes(original) >= 2 * text.size());
  CHECK(heap_bytes(std::vector<int>(100)) >= 400);
}
