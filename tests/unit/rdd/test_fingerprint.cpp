#include <salamander/rdd/combine.hpp>
#include <salamander/rdd/exchange.hpp>
#include <salamander/rdd/fingerprint.hpp>

#include "../../support/task_fixture.hpp"

#include <msgpack.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace {

using namespace fake;

using generator = std::mt19937_64;

struct point {
  double x = 0;
  double y = 0;
  friend bool operator==(const point&, const point&) = default;
};
struct padded {
  char letter = 0;
  double number = 0;
  std::optional<int> maybe;
};
struct person {
  std::string name;
  std::vector<double> marks;
  std::pair<int, char> seat;
};
struct secretive {
  int held = 0;
  std::string text;
  MSGPACK_DEFINE(held, text)
};
struct with_array {
  double values[3] = {};
  int last = 0;
};
enum class colour : std::uint8_t { red, green, blue };

template <class T>
void randomize(generator& random, T& value);

template <class T>
T random_of(generator& random) {
  T value{};
  randomize(random, value);
  return value;
}

template <class T>
void randomize(generator& random, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = random() % 2 == 0;
  } else if constexpr (std::is_floating_point_v<T>) {
    value = static_cast<T>(random() % 1000) / 7;
  } else if constexpr (std::is_same_v<T, colour>) {
    value = static_cast<colour>(random() % 3);
  } else if constexpr (std::is_integral_v<T>) {
    value = static_cast<T>(random());
  } else if constexpr (std::is_same_v<T, std::string>) {
    value.assign(random() % 40, static_cast<char>('a' + random() % 26));
    if (!value.empty())
      value[random() % value.size()] = static_cast<char>('a' + random() % 26);
  } else if constexpr (std::is_same_v<T, padded>) {
    value = {random_of<char>(random), random_of<double>(random), random_of<std::optional<int>>(random)};
  } else if constexpr (std::is_same_v<T, point>) {
    value = {random_of<double>(random), random_of<double>(random)};
  } else if constexpr (std::is_same_v<T, person>) {
    value = {random_of<std::string>(random), random_of<std::vector<double>>(random), random_of<std::pair<int, char>>(random)};
  } else if constexpr (fingerprint_detail::pair_like<T>) {
    randomize(random, value.first);
    randomize(random, value.second);
  } else if constexpr (fingerprint_detail::is_tuple<T>) {
    std::apply([&](auto&... fields) { (randomize(random, fields), ...); }, value);
  } else if constexpr (codec_detail::is_std_array<T>) {
    for (auto& one : value)
      randomize(random, one);
  } else if constexpr (fingerprint_detail::is_optional<T>) {
    if (random() % 3 != 0)
      randomize(random, value.emplace());
  } else if constexpr (codec_detail::is_variant<T>) {
    value = random() % 2 == 0 ? T(std::in_place_index<0>, random_of<std::variant_alternative_t<0, T>>(random))
                              : T(std::in_place_index<1>, random_of<std::variant_alternative_t<1, T>>(random));
  } else {
    using element = record_t<typename T::value_type>;
    for (auto count = random() % 5; count != 0; --count)
      value.insert(value.end(), random_of<element>(random));
  }
}

template <class T>
std::uint64_t fingerprint_of_block(const std::vector<T>& records) {
  block_builder<row_t<T>> builder;
  for (const auto& record : records)
    builder.add_row(record);
  return builder.finish()->fingerprint();
}

/// The same records have the same fingerprint wherever they lie; with a record changed, moved, added or taken away it is another.
template <class T>
void check_type(const char* name) {
  CAPTURE(name);
  generator random(11);
  std::vector<T> records;
  for (int i = 0; i < 1500; ++i)
    records.push_back(random_of<T>(random));
  const auto whole = fingerprint_of_block(records);
  REQUIRE(whole != 0);
  CHECK(fingerprint_of_block(records) == whole);
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{511}, std::size_t{777}, records.size() - 1}) {
    CAPTURE(at);
    auto other = records;
    const auto before = fingerprint_of_block(std::vector<T>{records[at]});
    T changed = records[at];
    while (fingerprint_of_block(std::vector<T>{changed}) == before)
      changed = random_of<T>(random); // small types come up with the same value again
    other[at] = changed;
    CHECK(fingerprint_of_block(other) != whole);
    other = records;
    other.erase(other.begin() + static_cast<std::ptrdiff_t>(at));
    CHECK(fingerprint_of_block(other) != whole);
    other = records;
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(at), records[at]);
    CHECK(fingerprint_of_block(other) != whole);
  }
  auto turned = records;
  std::reverse(turned.begin(), turned.end());
  CHECK(fingerprint_of_block(turned) != whole);
  CHECK(fingerprint_of_block(std::vector<T>{}) != 0);
}

using word_count = std::pair<std::string, std::int64_t>;
const auto plus = [](std::int64_t a, std::int64_t b) { return a + b; };
using summing = reduce_aggregator<std::int64_t, decltype(plus)>;

/// Fingerprints of the blocks of one map task.
std::vector<std::uint64_t> map_side(const node& dataset, std::size_t limit, std::uint32_t partition, services& around) {
  around.outputs.clear();
  task run(around, limit, partition);
  dataset.write_map_output(0, partition, run.context);
  std::vector<std::uint64_t> all;
  for (const auto& one : around.outputs.begin()->second.at(partition))
    all.push_back(one ? one->fingerprint() : 0);
  return all;
}

} // namespace

TEST_CASE("equal rows have equal fingerprints and others do not, for every type that shows its contents") {
  check_type<char>("char");
  check_type<std::int32_t>("int32");
  check_type<std::int64_t>("int64");
  check_type<double>("double");
  check_type<colour>("enum");
  check_type<point>("dense struct");
  check_type<padded>("struct with gaps and an optional");
  check_type<person>("struct with memory of its own");
  check_type<std::string>("string");
  check_type<std::pair<int, double>>("pair with a gap");
  check_type<std::pair<std::int64_t, std::int64_t>>("dense pair");
  check_type<std::pair<std::string, std::int64_t>>("pair with a string");
  check_type<std::pair<std::string, std::string>>("pair of strings");
  check_type<std::pair<int, std::pair<std::string, char>>>("nested pair");
  check_type<std::tuple<char, std::int64_t, std::string>>("tuple");
  check_type<std::tuple<std::int16_t, std::pair<char, double>>>("tuple with gaps");
  check_type<std::array<double, 3>>("array");
  check_type<std::array<std::pair<char, int>, 2>>("array with gaps");
  check_type<std::optional<std::int64_t>>("optional");
  check_type<std::optional<std::string>>("optional string");
  check_type<std::variant<std::int64_t, std::string>>("variant");
  check_type<std::vector<double>>("vector");
  check_type<std::vector<std::string>>("vector of strings");
  check_type<std::vector<std::vector<std::pair<char, int>>>>("vector of vectors");
  check_type<std::vector<bool>>("vector of bits");
  check_type<std::deque<int>>("deque");
  check_type<std::set<std::string>>("set");
  check_type<std::map<int, std::string>>("map");
  check_type<std::unordered_map<std::string, int>>("hash map");
  check_type<std::unordered_set<std::int64_t>>("hash set");
  check_type<std::pair<std::int64_t, std::vector<double>>>("pair with a vector");
}

TEST_CASE("a fingerprint does not depend on the order within an unordered container") {
  std::unordered_map<int, std::string> one;
  std::unordered_map<int, std::string> other(5000);
  for (int i = 0; i < 200; ++i)
    one.emplace(i, std::to_string(i));
  for (int i = 200; i-- > 0;)
    other.emplace(i, std::to_string(i));
  CHECK_FALSE(std::equal(one.begin(), one.end(), other.begin()));
  CHECK(fingerprint_of(&one, 1) == fingerprint_of(&other, 1));
  other[7] = "seven";
  CHECK(fingerprint_of(&one, 1) != fingerprint_of(&other, 1));
}

TEST_CASE("what lies between members, or in an empty optional, does not count") {
  const auto dirty = [](int dirt) {
    std::vector<padded> rows(3);
    std::memset(static_cast<void*>(rows.data()), dirt, rows.size() * sizeof(padded));
    for (auto& row : rows) {
      row.letter = 'x';
      row.number = 0.5;
      std::construct_at(&row.maybe); // what was an optional is dirt now
    }
    return fingerprint_of(rows.data(), rows.size());
  };
  CHECK(dirty(0) == dirty(0x5a));
  const auto dirty_pair = [](int dirt) {
    alignas(std::pair<int, double>) std::byte room[sizeof(std::pair<int, double>)];
    std::memset(room, dirt, sizeof room);
    auto* const pair = ::new (static_cast<void*>(room)) std::pair<int, double>;
    pair->first = 1;
    pair->second = 2;
    return fingerprint_of(pair, 1);
  };
  CHECK(dirty_pair(0) == dirty_pair(0x5a));
}

TEST_CASE("a type that keeps its contents to itself has no fingerprint") {
  CHECK(fingerprint_of_block(std::vector<secretive>{{1, "one"}}) == 0);
  CHECK(fingerprint_of_block(std::vector<std::pair<int, secretive>>{{1, {1, "one"}}}) == 0);
  CHECK(fingerprint_of_block(std::vector<std::vector<secretive>>{{{1, "one"}}}) == 0);
  CHECK(fingerprint_of_block(std::vector<with_array>(3)) == 0);
  CHECK(fingerprint_of_block(std::vector<long double>{1, 2}) == 0);
  CHECK(value_block<int>(3).fingerprint() == 0);
}

TEST_CASE("one flipped bit anywhere in plain rows or texts changes the fingerprint") {
  std::vector<std::array<std::uint8_t, 13>> rows(40);
  generator random(3);
  for (auto& row : rows)
    randomize(random, row);
  const auto whole = fingerprint_of_block(rows);
  for (auto& row : rows)
    for (auto& byte : row)
      for (int bit = 0; bit < 8; ++bit) {
        byte = static_cast<std::uint8_t>(byte ^ (1U << bit));
        REQUIRE(fingerprint_of_block(rows) != whole);
        byte = static_cast<std::uint8_t>(byte ^ (1U << bit));
      }
  for (std::size_t size = 1; size < 30; ++size) {
    std::vector<std::string> texts(3, std::string(size, 'x'));
    const auto before = fingerprint_of_block(texts);
    for (std::size_t i = 0; i < size; ++i) {
      texts[1][i] = 'y';
      REQUIRE(fingerprint_of_block(texts) != before);
      texts[1][i] = 'x';
    }
  }
}

TEST_CASE("a fingerprint does not depend on the portions in which rows come") {
  const auto check = []<class T>(const std::vector<T>& rows) {
    const auto whole = fingerprint_of(rows.data(), rows.size());
    for (const std::size_t portion : {1U, 2U, 3U, 7U, 512U, 513U}) {
      CAPTURE(portion);
      fingerprint_builder<T> builder;
      for (std::size_t first = 0; first < rows.size(); first += portion)
        builder.add(rows.data() + first, std::min(portion, rows.size() - first));
      CHECK(builder.value() == whole);
    }
  };
  const auto rows_of = []<class T>(std::type_identity<T>) {
    generator random(17);
    std::vector<T> rows(1301);
    for (auto& row : rows)
      randomize(random, row);
    return rows;
  };
  check(rows_of(std::type_identity<char>()));
  check(rows_of(std::type_identity<std::int64_t>()));
  check(rows_of(std::type_identity<point>()));
  check(rows_of(std::type_identity<std::array<double, 3>>()));
  check(rows_of(std::type_identity<std::array<std::uint8_t, 13>>()));
  check(rows_of(std::type_identity<std::string>()));
  check(rows_of(std::type_identity<std::pair<std::string, double>>()));
  const auto texts = rows_of(std::type_identity<std::string>());
  std::vector<std::pair<std::string_view, std::string_view>> views;
  for (std::size_t i = 1; i < texts.size(); ++i)
    views.emplace_back(texts[i - 1], texts[i]);
  check(views);
}

TEST_CASE("a fingerprint taken on the way is the same in every attempt, and another for other rows or other places") {
  services around;
  around.compares = true;
  const auto rows = [](std::int64_t more) {
    std::vector<word_count> all;
    for (int i = 0; i < 3000; ++i)
      all.emplace_back("key " + std::to_string(i % 700), i == 1234 ? i + more : i);
    return std::vector<std::vector<word_count>>{all};
  };
  const auto taken = [&](std::int64_t more, std::uint32_t partitions, std::size_t limit) {
    const auto dataset = partition_node<word_count>(header(3, "partition_by", partitions, {wide(source(around, 1, rows(more)), 2)}),
                                                    std::make_shared<const hash_key_partitioner<std::string_view>>(partitions));
    map_side(dataset, limit, 0, around);
    return around.fingerprints.at({shuffle_id{2}, 0});
  };
  const auto whole = taken(0, 5, 0);
  CHECK(whole != 0);
  CHECK(taken(0, 5, 0) == whole);
  CHECK(taken(0, 5, 1) == whole);
  CHECK(taken(0, 5, 37) == whole);
  CHECK(taken(1, 5, 0) != whole);
  CHECK(taken(0, 6, 0) != whole);
  around.compares = false;
  CHECK(taken(0, 5, 0) == 0);
}

TEST_CASE("a map task that runs again has the same fingerprints, and other input has others") {
  services around;
  const auto records_of_round = [](std::int64_t more) {
    std::vector<std::vector<word_count>> partitions(3);
    for (std::uint32_t p = 0; p < 3; ++p)
      for (int i = 0; i < 4000; ++i)
        partitions[p].emplace_back("key " + std::to_string(i * 31 % 700), i + static_cast<std::int64_t>(p) + (i == 1234 ? more : 0));
    return partitions;
  };
  const auto hashed = std::make_shared<const hash_key_partitioner<std::string_view>>(5U);
  const auto datasets = [&](const std::shared_ptr<const typed_node<word_count>>& pairs) {
    std::vector<std::shared_ptr<const node>> all;
    all.push_back(std::make_shared<combine_node<word_count, summing>>(header(2, "reduce_by_key", 5, {wide(pairs, 1)}),
                                                                      summing{{std::tuple(plus)}}, hashed));
    all.push_back(std::make_shared<partition_node<word_count>>(header(3, "partition_by", 5, {wide(pairs, 2)}), hashed));
    all.push_back(std::make_shared<repartition_node<word_count>>(header(4, "repartition", 5, {wide(pairs, 3)})));
    return all;
  };
  const auto first = datasets(source(around, 1, records_of_round(0)));
  const auto changed = datasets(source(around, 9, records_of_round(1)));
  for (std::size_t i = 0; i < first.size(); ++i) {
    CAPTURE(first[i]->operation);
    const auto want = map_side(*first[i], 0, 1, around);
    REQUIRE(want.size() == 5);
    CHECK(std::ranges::count(want, 0) == 0);
    CHECK(map_side(*first[i], 0, 1, around) == want);
    CHECK(map_side(*first[i], 1, 1, around) == want); // batches of one
    around.remote = true;
    CHECK(map_side(*first[i], 0, 1, around) == want); // its input came from another process
    around.remote = false;
    CHECK(map_side(*changed[i], 0, 1, around) != want);
    CHECK(map_side(*first[i], 0, 2, around) != want);
  }
}
