#include "../../support/task_fixture.hpp"

#include <salamander/rdd/combine_table.hpp>

#include <random>

namespace {

using namespace fake;

template <class T>
void check_forms(const std::vector<T>& records) {
  services around;
  task run(around);
  const auto local = block_of(records);
  CHECK(local.object->record_count() == records.size());
  std::vector<owned_t<T>> owned_records;
  for (const auto& record : records)
    owned_records.push_back(to_owned<owned_t<T>>(record));
  for (const auto& form : {local, as_bytes(local)}) {
    const block_rows<T> rows(form);
    REQUIRE(rows.size() == records.size());
    CHECK(std::equal(rows.begin(), rows.end(), records.begin()));
    block_stream<T> input(form, run.context, run.dataset);
    CHECK((drain(input) == owned_records));
  }
}

bool refused(const byte_buffer& bytes, auto row) {
  return code_of([&] { block_rows<decltype(row)>(block{nullptr, std::make_shared<const byte_buffer>(bytes)}); }) == errc::corrupt_data;
}

} // namespace

TEST_CASE("a block reads the same as an object and as bytes") {
  check_forms<int>({});
  check_forms<int>({1, -2, 3});
  check_forms<bool>({true, false, true, true});
  check_forms<bool>(std::vector<bool>(3000, true));
  check_forms<char>({'a', 'b', 'c'});
  check_forms<std::string>({"one", "", std::string(1000, 'x')});
  check_forms<std::string_view>({"one", "", "a view longer than a small string"});
  check_forms<std::pair<int, double>>({{1, 2.5}, {3, 4.5}});
  check_forms<std::pair<std::string_view, bool>>({{"k", true}, {"", false}});
  check_forms<std::vector<int>>({{1, 2}, {}, {3}});
  check_forms<std::vector<std::string_view>>({{"a", "b"}, {}});
  check_forms<std::optional<std::string_view>>({"x", std::nullopt});
  check_forms<std::tuple<int, std::string>>({{1, "one"}, {2, "two"}});
}

TEST_CASE("random blocks read the same in both forms") {
  std::mt19937_64 random(3);
  std::vector<std::pair<std::string, double>> records;
  for (int i = 0; i < 5000; ++i)
    records.emplace_back(std::string(random() % 30, static_cast<char>('a' + random() % 26)), static_cast<double>(random()));
  check_forms(records);
}

TEST_CASE("views of a block do not need what they were made from") {
  block kept;
  {
    std::vector<std::string> texts{"gone", std::string(500, 'g')};
    kept = block_of(std::vector<std::string_view>(texts.begin(), texts.end()));
    texts.assign(2, "overwritten");
  }
  const block_rows<std::string_view> rows(kept);
  CHECK(rows.data()[0] == "gone");
  CHECK(rows.data()[1] == std::string(500, 'g'));
  CHECK(kept.object->memory_bytes() >= 504);
}

TEST_CASE("blocks of plain rows are read where they lie, other decoded rows may be moved from") {
  const auto numbers = as_bytes(block_of<int>({1, 2}));
  const block_rows<int> in_place(numbers);
  CHECK(reinterpret_cast<const std::byte*>(in_place.data()) == numbers.bytes->data() + block_header_bytes);
  CHECK_FALSE(in_place.exclusive());
  CHECK(block_rows<std::string>(as_bytes(block_of<std::string>({"a"}))).exclusive());
  CHECK_FALSE(block_rows<std::string>(block_of<std::string>({"a"})).exclusive());
}

TEST_CASE("damaged blocks are refused at every length and with any count") {
  const auto plain = *as_bytes(block_of<double>({1, 2, 3})).bytes;
  const auto texts = *as_bytes(block_of<std::string>({"one", "three"})).bytes;
  for (std::size_t size = 0; size < plain.size(); ++size)
    CHECK(refused(byte_buffer(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(size)), double{}));
  for (std::size_t size = 0; size < texts.size(); ++size)
    CHECK(refused(byte_buffer(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(size)), std::string()));
  for (unsigned bit = 2; bit < 64; ++bit) {
    auto bad_plain = plain;
    auto bad_texts = texts;
    bad_plain[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    bad_texts[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    CHECK(refused(bad_plain, double{}));
    CHECK(refused(bad_texts, std::string()));
  }
}

TEST_CASE("batches are as large as the task allows") {
  services around;
  const auto numbers = block_of(std::vector<int>(5000, 1));
  const auto sizes = [&](std::size_t limit) {
    task run(around, limit);
    block_stream<int> input(numbers, run.context, run.dataset);
    std::vector<std::size_t> all;
    for (batch<int> in; input.next(in);)
      all.push_back(in.size);
    return all;
  };
  CHECK(sizes(0) == std::vector<std::size_t>{2048, 2048, 904});
  CHECK(sizes(1) == std::vector<std::size_t>(5000, 1));
  CHECK(sizes(100000) == sizes(0));
}

TEST_CASE("a single value is taken from either form") {
  const auto value = std::make_shared<value_block<std::vector<std::string>>>(std::vector<std::string>{"a", "b"});
  const block local{value, nullptr};
  CHECK(take_value<std::vector<std::string>>(as_bytes(local)) == value->value);
  CHECK(take_value<std::vector<std::string>>(block(local)) == std::vector<std::string>{"a", "b"});
  CHECK(value->value.size() == 2); // shared: copied, not moved
}

TEST_CASE("combine_table keeps the order of first insertion while it grows") {
  combine_table<std::string_view, int> table;
  std::vector<std::string> keys;
  for (int i = 0; i < 20000; ++i)
    keys.push_back("key " + std::to_string(i * 7919 % 20000));
  for (int round = 0; round < 3; ++round)
    for (const auto& key : keys)
      table.upsert(
          key, hash_value(key), [&] { return std::pair<std::string_view, int>(key, 1); }, [](int& count) { ++count; });
  REQUIRE(table.size() == keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    REQUIRE(table.entries()[i].first == keys[i]);
    REQUIRE(table.entries()[i].second == 3);
  }
  const auto before = table.memory_bytes();
  table.drop_index();
  CHECK(table.memory_bytes() < before);
  CHECK(table.entries().back().first == keys.back());
}

TEST_CASE("combine_table tells keys with the same hash apart") {
  for (const auto hash : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{0xffffffff00000000}, std::uint64_t{63}}) {
    combine_table<int, int> table;
    for (int round = 0; round < 2; ++round)
      for (int key = 0; key < 500; ++key)
        table.upsert(
            key, hash, [&] { return std::pair(key, key); }, [](int& value) { value += 1000; });
    REQUIRE(table.size() == 500);
    for (int key = 0; key < 500; ++key)
      CHECK(table.entries()[static_cast<std::size_t>(key)] == std::pair(key, key + 1000));
  }
}

TEST_CASE("a key that could not be made leaves combine_table as it was") {
  combine_table<int, int> table;
  CHECK_THROWS_AS(table.find_or_add(1, 1, []() -> std::pair<int, int> { throw std::runtime_error("no"); }), std::runtime_error);
  CHECK(table.size() == 0);
  CHECK(table.find_or_add(1, 1, [] { return std::pair(1, 2); }) == 0);
  CHECK(table.find_or_add(1, 1, [] { return std::pair(1, 3); }) == 0);
  CHECK(table.entries()[0].second == 2);
}
