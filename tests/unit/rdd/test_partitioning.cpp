#include <salamander/rdd/key_partitioner.hpp>

#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <set>

namespace {

using namespace salamander;
using namespace salamander::core;

__extension__ using wide_integer = __int128;

struct place {
  std::string town;
  int number = 0;
  friend bool operator==(const place&, const place&) = default;
};

template <class Key>
std::vector<std::uint32_t> assigned(const key_partitioner<Key>& by, const std::vector<std::pair<Key, int>>& rows) {
  std::vector<std::uint32_t> to(rows.size());
  if (!rows.empty())
    by.assign(&rows.front().first, sizeof(rows.front()), rows.size(), to.data());
  return to;
}

template <class Key>
std::shared_ptr<const key_partitioner<Key>> travelled(const key_partitioner<Key>& by, byte_buffer& bytes) {
  byte_writer out(bytes);
  write_partitioner(out, by);
  byte_reader in(bytes);
  auto made = read_partitioner<Key>(in);
  CHECK(in.left() == 0);
  return made;
}

} // namespace

TEST_CASE("integers go to their value modulo the partitions, and never to a negative one") {
  for (const std::uint32_t partitions : {1U, 2U, 3U, 7U, 1000U, 0xffffffffU}) {
    for (const auto key : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{-7}, std::int64_t{5}, std::numeric_limits<std::int64_t>::min(),
                           std::numeric_limits<std::int64_t>::max()}) {
      const auto p = hash_partition(key, partitions);
      CHECK(p < partitions);
      CHECK((static_cast<wide_integer>(key) - p) % partitions == 0);
    }
    CHECK(hash_partition(std::int8_t{-128}, partitions) < partitions);
    CHECK(hash_partition(std::numeric_limits<std::int32_t>::min(), partitions) < partitions);
    CHECK(hash_partition(std::numeric_limits<std::uint64_t>::max(), partitions) < partitions);
    CHECK(hash_partition(true, partitions) == 1 % partitions);
  }
  CHECK(hash_partition(-1, 4) == 3);
  CHECK(hash_partition(-4, 4) == 0);
}

TEST_CASE("equal keys have equal hashes, however they are held") {
  std::mt19937 random(2);
  for (int i = 0; i < 200; ++i) {
    const std::string text(random() % 40, static_cast<char>('a' + i % 26));
    CHECK(hash_value(text) == hash_value(std::string_view(text)));
    CHECK(hash_value(std::pair(text, 1)) == hash_value(std::pair(std::string_view(text), 1)));
    CHECK(hash_value(std::optional<std::string>(text)) == hash_value(std::optional<std::string_view>(text)));
    CHECK(hash_value(std::tuple(1, text)) == hash_value(std::tuple(1, std::string_view(text))));
  }
  CHECK(hash_value(0.0) == hash_value(-0.0));
  CHECK(hash_value(place{"a", 1}) == hash_value(place{"a", 1}));
  CHECK_FALSE(same_key(place{"a", 1}, place{"a", 2}));
  CHECK(same_key(std::pair<std::string, int>("a", 1), std::pair<std::string_view, int>("a", 1)));
  CHECK_FALSE(same_key(std::optional<std::string>("a"), std::optional<std::string_view>()));
  CHECK_FALSE(same_key(std::tuple<std::string>("a"), std::tuple<std::string_view>("b")));
}

TEST_CASE("different keys have different hashes") {
  std::set<std::uint64_t> hashes;
  std::size_t count = 0;
  const auto add = [&](const auto& key) {
    hashes.insert(hash_value(key));
    ++count;
  };
  for (int i = 0; i < 2000; ++i) {
    add(i);
    add(std::pair(i, -i - 1));
    add("key" + std::to_string(i));
    add("a much longer key, of more than sixteen characters " + std::to_string(i));
    add(place{"town", i});
    add(std::vector<int>{i, 1, 2});
  }
  CHECK(hashes.size() == count);
}

TEST_CASE("text keys spread evenly over partitions") {
  std::vector<int> sizes(16);
  for (int i = 0; i < 16000; ++i)
    ++sizes[hash_partition(std::string_view("user-" + std::to_string(i)), 16)];
  for (const auto size : sizes)
    CHECK(std::abs(size - 1000) < 200);
}

TEST_CASE("a partitioner decides the same after a journey") {
  std::vector<std::pair<int, int>> rows;
  for (int i = -50; i < 50; ++i)
    rows.emplace_back(i, 0);
  const hash_key_partitioner<int> hash(7);
  byte_buffer bytes;
  CHECK(assigned(*travelled<int>(hash, bytes), rows) == assigned<int>(hash, rows));

  int shift = 50;
  const auto custom_rule = [shift](int key) { return (key + shift) / 10; };
  const custom_key_partitioner<int, decltype(custom_rule)> custom(10, custom_rule);
  byte_buffer custom_bytes;
  CHECK(assigned(*travelled<int>(custom, custom_bytes), rows) == assigned<int>(custom, rows));
}

TEST_CASE("ranges hold keys up to their bounds, in either direction") {
  using by = range_key_partitioner<std::string_view, std::less<>>;
  const std::vector<std::pair<std::string_view, int>> rows{{"a", 0}, {"g", 0}, {"h", 0}, {"p", 0}, {"z", 0}, {"", 0}};
  byte_buffer bytes;
  const auto up = travelled<std::string_view>(by({"g", "p"}, {}, true), bytes);
  CHECK(assigned(*up, rows) == std::vector<std::uint32_t>{0, 0, 1, 1, 2, 0});
  const by down({"g", "p"}, {}, false);
  CHECK(assigned<std::string_view>(down, rows) == std::vector<std::uint32_t>{2, 2, 1, 1, 0, 2});
  const by none({}, {}, true);
  CHECK(assigned<std::string_view>(none, rows) == std::vector<std::uint32_t>(6, 0));
}

TEST_CASE("a partition function outside its range is refused") {
  for (const std::int64_t answer : {std::int64_t{-1}, std::int64_t{3}, std::int64_t{1} << 40}) {
    const auto rule = [answer](int) { return answer; };
    const custom_key_partitioner<int, decltype(rule)> by(3, rule);
    try {
      assigned<int>(by, {{1, 1}});
      FAIL("not refused");
    } catch (const error& failure) {
      CHECK(failure.code() == errc::invalid_argument);
      CHECK(std::string(failure.what()).find(std::to_string(answer)) != std::string::npos);
    }
  }
}

TEST_CASE("a partitioner of no registered code or of no partitions is refused") {
  byte_buffer bytes;
  byte_writer out(bytes);
  out.varint(0);
  out.varint(12345);
  byte_reader in(bytes);
  try {
    read_partitioner<int>(in);
    FAIL("not refused");
  } catch (const error& failure) {
    CHECK(failure.code() == errc::code_refused);
  }
  byte_buffer zero;
  byte_writer zero_out(zero);
  write_partitioner(zero_out, hash_key_partitioner<int>(1));
  zero.back() = std::byte{0};
  byte_reader zero_in(zero);
  try {
    read_partitioner<int>(zero_in);
    FAIL("not refused");
  } catch (const error& failure) {
    CHECK(failure.code() == errc::corrupt_data);
  }
}
