#include "fixture.hpp"

#include <tuple>

namespace {

using named = std::pair<std::string, int>;

const double nan_value = std::nan("");

/// NaN as text, so that it equals itself.
std::vector<std::string> texts(const std::vector<double>& values) {
  std::vector<std::string> all;
  for (const auto value : values)
    all.push_back(std::isnan(value) ? "NaN" : std::to_string(static_cast<int>(value)));
  return all;
}

using strings = std::vector<std::string>;

enum class urgency : std::uint64_t { low = 1, high = std::uint64_t{1} << 63 };

enum class medal { gold, silver, bronze };

/// Gold is worth most.
constexpr bool operator<(medal a, medal b) {
  return static_cast<int>(a) > static_cast<int>(b);
}

} // namespace

TEST_CASE_FIXTURE(api, "NaN comes after all numbers, in sorts, extremes and first ones") {
  const auto numbers = sc.parallelize(std::vector<double>{1, nan_value, 3, 0, nan_value, -2}, 3);
  const auto self = [](double x) { return x; };
  CHECK(texts(numbers.sort_by(self).collect()) == strings{"-2", "0", "1", "3", "NaN", "NaN"});
  CHECK(texts(numbers.sort_by(self, false).collect()) == strings{"NaN", "NaN", "3", "1", "0", "-2"});
  CHECK(texts(numbers.sort_by(self, std::greater<>{}).collect()) == strings{"NaN", "NaN", "3", "1", "0", "-2"});
  CHECK(texts(numbers.sort_by(self, std::less<double>{}).collect()) == strings{"-2", "0", "1", "3", "NaN", "NaN"});
  CHECK(texts(numbers.top(3)) == strings{"NaN", "NaN", "3"});
  CHECK(texts(numbers.take_ordered(3)) == strings{"-2", "0", "1"});
  CHECK(std::isnan(numbers.max()));
  CHECK(numbers.min() == -2);
  const auto keyed = numbers.key_by(self);
  CHECK(texts(keyed.sort_by_key().keys().collect()) == strings{"-2", "0", "1", "3", "NaN", "NaN"});
  CHECK(texts(keyed.sort_by_key().filter_by_range(1, nan_value).keys().collect()) == strings{"1", "3", "NaN", "NaN"});
  CHECK(texts(keyed.repartition_and_sort_within_partitions(1).keys().collect()) == strings{"-2", "0", "1", "3", "NaN", "NaN"});
  CHECK(std::isnan(keyed.top(1, sal::by_value).front().second));
  // Also as a part.
  const auto parts = numbers.map([](double x) { return std::tuple{x, 1}; }).sort_by([](const auto& t) { return t; }, false).collect();
  CHECK(std::isnan(std::get<0>(parts[1])));
  CHECK(std::get<0>(parts[2]) == 3);
}

TEST_CASE_FIXTURE(api, "NaN is one key, also as a part of one") {
  const auto twice = sc.parallelize(std::vector<double>{nan_value, 1, nan_value}, 2);
  CHECK(twice.distinct().count() == 2);
  CHECK(twice.map([](double x) { return std::pair{x, 1}; }).distinct().count() == 2);
  CHECK(twice.map([](double x) { return std::vector{x, 1.0}; }).distinct().count() == 2);
  CHECK(twice.map([](double x) { return std::optional{x}; }).distinct().count() == 2);
}

TEST_CASE_FIXTURE(api, "pairs and tuples with strings are keys to sort by") {
  const auto words = sc.parallelize(std::vector<named>{{"pear", 2}, {"fig", 3}, {"apple", 2}, {"plum", 1}}, 3);
  const auto count_then_word = [](const named& one) { return std::pair{-one.second, one.first}; };
  CHECK(words.sort_by(count_then_word).keys().collect() == strings{"fig", "apple", "pear", "plum"});
  CHECK(words.sort_by(count_then_word, false).keys().collect() == strings{"plum", "pear", "apple", "fig"});
  CHECK(words.sort_by(count_then_word, std::greater<>{}).keys().collect() == strings{"plum", "pear", "apple", "fig"});
  const auto keyed = words.key_by([](const named& one) { return std::tuple{one.first.size(), one.first}; });
  CHECK(keyed.sort_by_key().values().keys().collect() == strings{"fig", "pear", "plum", "apple"});
  const auto by_word = [](const auto& a, const auto& b) { return std::get<1>(a) < std::get<1>(b); };
  CHECK(keyed.sort_by_key(by_word, 2).values().keys().collect() == strings{"apple", "fig", "pear", "plum"});
  const auto some = keyed.sort_by_key(true, 3).filter_by_range({4, ""}, {4, "pz"});
  CHECK(some.values().keys().collect() == strings{"pear", "plum"});
  CHECK(words.max() == named{"plum", 1});
  CHECK(words.take_ordered(2) == std::vector<named>{{"apple", 2}, {"fig", 3}});
}

TEST_CASE_FIXTURE(api, "lines as parts of records are ordered by their characters") {
  const scratch dir;
  const auto lines = sc.text_file(dir.file("lines", "b b\na\nc\n"), 2);
  const auto sized = lines.map([](std::string_view line) { return std::pair{line.size(), line}; });
  CHECK(sized.max() == std::pair{std::size_t{3}, std::string("b b")});
  const auto longer = [](const std::string& a, const std::string& b) { return a.size() < b.size(); };
  CHECK(lines.max(longer) == "b b");
  CHECK(lines.top(2, longer) == strings{"b b", "a"});
  CHECK(lines.take_ordered(1, [](std::string_view a, std::string_view b) { return b < a; }) == strings{"c"});
  const auto by_size = [](const auto& a, const auto& b) { return a.first < b.first; };
  CHECK(sized.take_ordered(1, by_size).front().second == "a");
  CHECK(sized.top(1, [](auto& a, auto& b) { return b < a; }).front().second == "a");
  CHECK(sized.map([](const auto& one) { return std::pair{one.second, one.first}; }).top(1, sal::by_value).front().first == "b b");
  CHECK(sized.sort_by([](const auto& one) { return one; }).values().collect() == strings{"a", "c", "b b"});
}

TEST_CASE_FIXTURE(api, "enums are ordered as their operator< says, and by their whole value") {
  const auto alarms = sc.parallelize(std::vector{urgency::high, urgency::low, urgency::high}, 2);
  CHECK(alarms.sort_by([](urgency u) { return u; }).first() == urgency::low);
  const auto medals = sc.parallelize(std::vector{medal::silver, medal::gold, medal::bronze}, 2);
  CHECK(medals.sort_by([](medal m) { return m; }).collect() == std::vector{medal::bronze, medal::silver, medal::gold});
  CHECK(medals.max() == medal::gold);
}

TEST_CASE_FIXTURE(api, "a negative number of records is refused") {
  const auto numbers = sc.parallelize({1, 2, 3}, 2);
  std::string text;
  CHECK(code_of([&] { numbers.take(-1); }, &text) == sal::errc::invalid_argument);
  CHECK(text.find("Negative number of elements requested: -1") != std::string::npos);
  CHECK(code_of([&] { numbers.top(-2); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { numbers.take_ordered(-1); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sc.range(0, 3, 1, -1); }, &text) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sc.random_uniform(3, -1); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "top, max and min are told by their own names") {
  const auto numbers = sc.parallelize({1, 2, 3}, 2).map([](int) -> int { throw std::runtime_error("no number"); });
  const auto told = [&](const std::string& name, const auto& run) {
    CAPTURE(name);
    std::string text;
    CHECK(code_of(run, &text) == sal::errc::task_failed);
    CHECK(text.find(" (" + name + " at ") != std::string::npos);
  };
  told("top", [&] { numbers.top(1); });
  told("max", [&] { numbers.max(); });
  told("min", [&] { numbers.min(); });
  told("take_ordered", [&] { numbers.take_ordered(1); });
}
