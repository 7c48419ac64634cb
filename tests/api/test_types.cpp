#include "fixture.hpp"

#include <msgpack.hpp>

#include <deque>
#include <optional>
#include <variant>

namespace {

struct point {
  double x = 0;
  double y = 0;
  friend bool operator==(const point&, const point&) = default;
};

struct person {
  std::string name;
  int age = 0;
  std::vector<std::string> tags;
  std::optional<point> home;
  friend auto operator<=>(const person&, const person&) = delete;
  friend bool operator==(const person&, const person&) = default;
};

class account {
public:
  account() = default;
  account(std::string owner, long balance) : owner_(std::move(owner)), balance_(balance) {}
  const std::string& owner() const {
    return owner_;
  }
  long balance() const {
    return balance_;
  }
  MSGPACK_DEFINE(owner_, balance_)

private:
  std::string owner_;
  long balance_ = 0;
};

enum class colour { red, green };

struct cell {
  int row = 0;
  std::string name;
  friend bool operator==(const cell&, const cell&) = default;
};

} // namespace

TEST_CASE_FIXTURE(api, "records of any documented type travel through shuffles, caches and results") {
  const auto spread = [&](const auto& data) {
    auto dataset = sc.parallelize(data, 3).repartition(2);
    dataset.cache();
    dataset.count();
    return dataset.collect();
  };
  const std::vector<point> points{{1, 2}, {3, 4}, {5, 6}};
  CHECK(spread(points).size() == 3);
  const std::vector<person> people{{"Ada", 36, {"maths", "engines"}, point{1, 2}}, {"Bob", 7, {}, std::nullopt}};
  for (const auto& one : spread(people))
    CHECK(std::count(people.begin(), people.end(), one) == 1);
  const std::vector<std::map<std::string, std::vector<int>>> maps{{{"a", {1, 2}}}, {}, {{"b", {}}}};
  CHECK(sorted(spread(maps)) == sorted(maps));
  const std::vector<std::variant<int, std::string>> variants{1, "two", 3};
  CHECK(sorted(spread(variants)) == sorted(variants));
  const std::vector<std::tuple<int, std::string, double>> tuples{{1, "x", 0.5}, {2, "a longer string than fits inside", 1.5}};
  CHECK(sorted(spread(tuples)) == sorted(tuples));
  const std::vector<std::optional<std::string>> optionals{std::nullopt, "x"};
  CHECK(sorted(spread(optionals)) == sorted(optionals));
  const std::vector<std::set<int>> sets{{1, 2}, {}};
  CHECK(sorted(spread(sets)) == sorted(sets));
  const std::vector<std::deque<std::string>> deques{{"a", "b"}, {}};
  CHECK(sorted(spread(deques)) == sorted(deques));
  const std::vector<std::array<std::string, 2>> arrays{{"a", "b"}, {"c", "d"}};
  CHECK(sorted(spread(arrays)) == sorted(arrays));
  CHECK(sorted(spread(std::vector<colour>{colour::red, colour::green})) == std::vector{colour::red, colour::green});
  CHECK(sorted(spread(std::vector<bool>{true, false})) == std::vector<bool>{false, true});
  CHECK(spread(std::vector<std::vector<double>>{{1, 2, 3}, {}}).size() == 2);
  const std::vector<account> accounts{{"Ada", 10}, {"Bob", 20}};
  long total = 0;
  for (const auto& one : spread(accounts))
    total += one.balance();
  CHECK(total == 30);
}

TEST_CASE_FIXTURE(api, "keys may be pairs, tuples, optionals, vectors and enums") {
  const auto pairs =
      sc.parallelize(std::vector<std::pair<std::pair<std::string, int>, int>>{{{"a", 1}, 1}, {{"a", 1}, 2}, {{"a", 2}, 4}}, 2);
  CHECK(sorted(pairs.reduce_by_key(std::plus<>{}, 3).collect()) ==
        std::vector<std::pair<std::pair<std::string, int>, int>>{{{"a", 1}, 3}, {{"a", 2}, 4}});
  auto counted = pairs.count_by_key();
  CHECK(counted[{"a", 1}] == 2);
  const auto optional_keys =
      sc.parallelize(std::vector<std::pair<std::optional<int>, int>>{{std::nullopt, 1}, {3, 2}, {std::nullopt, 4}}, 2);
  CHECK(sorted(optional_keys.reduce_by_key(std::plus<>{}, 3).collect()) ==
        std::vector<std::pair<std::optional<int>, int>>{{std::nullopt, 5}, {3, 2}});
  const auto vectors = sc.parallelize(std::vector<std::vector<int>>{{1, 2}, {1, 2}, {3}}, 2);
  CHECK(vectors.distinct().count() == 2);
  const auto colours = sc.parallelize(std::vector{colour::red, colour::red, colour::green}, 2);
  CHECK(colours.count_by_value().at(colour::red) == 2);
  const auto cells = sc.parallelize(std::vector<cell>{{1, "a"}, {1, "a"}, {2, "b"}}, 2);
  CHECK(cells.distinct().count() == 2);
  const auto doubles = sc.parallelize(std::vector{0.0, -0.0, 1.5}, 3);
  CHECK(doubles.distinct().count() == 2);
}

TEST_CASE_FIXTURE(api, "views become owned values where they are kept or returned") {
  const auto words = sc.parallelize(std::vector<std::string>{"to be or not", "to be that is"}, 2).flat_map([](const std::string& line) {
    return sal::words(line);
  });
  static_assert(std::is_same_v<decltype(words)::value_type, std::string_view>);
  CHECK(words.collect() == std::vector<std::string>{"to", "be", "or", "not", "to", "be", "that", "is"});
  CHECK(sorted(words.distinct().collect()) == std::vector<std::string>{"be", "is", "not", "or", "that", "to"});
  const sal::rdd<std::string> owned = words;
  CHECK(owned.count() == 8);
  CHECK(owned.map([](const std::string& w) { return w + "!"; }).first() == "to!");
  words.cache();
  CHECK(words.count() == 8);
  CHECK(words.filter([](std::string_view w) { return w == "be"; }).count() == 2);
  CHECK(words.map([](const auto& w) { return std::pair{w, w.size()}; }).collect_as_map().at("that") == 4);
  CHECK(words.reduce([](std::string a, const std::string& b) { return std::move(a) + b; }) == "tobeornottobethatis");
  CHECK(words
            .map_partitions([](auto records) {
              std::string all;
              for (const auto& w : records)
                all += w;
              return std::vector{all};
            })
            .collect() == std::vector<std::string>{"tobeornot", "tobethatis"});
  const auto sorted_words = words.sort_by([](std::string_view w) { return w; }).collect();
  CHECK(std::is_sorted(sorted_words.begin(), sorted_words.end()));
}

TEST_CASE_FIXTURE(api, "short and long strings survive every path") {
  std::vector<std::string> data;
  for (int i = 0; i < 3000; ++i)
    data.push_back(std::string(static_cast<std::size_t>(i % 70), static_cast<char>('a' + i % 26)) + std::to_string(i));
  const auto lines = sc.parallelize(data, 5);
  CHECK(sorted(lines.repartition(3).collect()) == sorted(data));
  CHECK(lines.map([](std::string s) { return s; }).collect() == data);
  CHECK(lines.flat_map([](const std::string& s) { return std::vector<std::string_view>{s, s}; }).count() == 6000);
  CHECK(sorted(lines.distinct(4).collect()) == sorted(data));
  CHECK(sorted(lines.key_by([](const std::string& s) { return s.size(); })
                   .group_by_key(3)
                   .flat_map([](const auto& kv) { return std::vector<std::string>(kv.second.begin(), kv.second.end()); })
                   .collect()) == sorted(data));
  std::string nul("a\0b", 3);
  CHECK(sc.parallelize(std::vector{nul}, 1).repartition(2).collect() == std::vector{nul});
}

TEST_CASE_FIXTURE(api, "truth values travel, also out of ranges that pack them") {
  const std::vector<bool> data{true, false, true, true, false};
  const auto truths = sc.parallelize(data, 2);
  CHECK(truths.collect() == data);
  CHECK(truths.map([](bool b) { return !b; }).repartition(3).count() == 5);
  CHECK(truths.map_partitions([](auto records) { return std::vector<bool>(records.begin(), records.end()); }).collect() == data);
  CHECK(truths.flat_map([](bool b) { return std::vector<bool>{b, !b}; }).filter([](bool b) { return b; }).count() == 5);
  CHECK(truths.zip_partitions(truths, [](auto a, auto) { return std::vector<bool>(a.begin(), a.end()); }).collect() == data);
  CHECK(truths.map([](bool b) { return std::pair{b, 1}; }).flat_map_values([](int n) { return std::vector<bool>(n, true); }).count() == 5);
  CHECK(truths.glom().collect() == std::vector<std::vector<bool>>{{true, false}, {true, true, false}});
  CHECK(truths.count_by_value().at(true) == 3);
  CHECK(truths.reduce([](bool a, bool b) { return a && b; }) == false);
  CHECK(truths.distinct(2).count() == 2);
  CHECK(truths.take(2) == std::vector<bool>{true, false});
  CHECK(truths.sort_by([](bool b) { return b; }).first() == false);
}
