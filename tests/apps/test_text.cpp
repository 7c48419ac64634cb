// The applications over text, against computations by one thread.
#include "fixture.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace {

std::string words_of(std::mt19937& random, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = static_cast<int>(200 * uniform(random) * uniform(random) * uniform(random));
    text += "word" + std::to_string(word) + (random() % 12 == 0 ? "\n" : random() % 9 == 0 ? "\t " : " ");
  }
  return text;
}

std::map<std::string, long> counts_of(const std::string& text) {
  std::map<std::string, long> counts;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t\n", at)) != std::string::npos) {
    const auto end = std::min(text.find_first_of(" \t\n", at), text.size());
    ++counts[text.substr(at, end - at)];
    at = end;
  }
  return counts;
}

std::string log_of(std::mt19937& random, std::size_t lines) {
  const char* const levels[] = {"INFO", "WARN", "ERROR"};
  const char* const texts[] = {"disk is full", "peer timed out", "checksum is wrong", "php backend fails"};
  std::string text;
  for (std::size_t i = 0; i < lines; ++i)
    text += std::to_string(i) + " " + levels[random() % 3] + " " + texts[random() % 4] + "\n";
  return text;
}

std::size_t lines_with(const std::string& log, const std::string& one, const std::string& other) {
  const auto lines = split_lines(log);
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const auto& line) {
    return line.find(one) != std::string::npos && line.find(other) != std::string::npos;
  }));
}

} // namespace

TEST_CASE("word_count prints the most frequent words and saves the counts of all") {
  std::mt19937 random(1);
  const auto text = words_of(random, 20000);
  const auto expected = counts_of(text);
  const workplace here;
  const auto done = here.run("word_count", {here.file("text", text), "--top", "4", "--output", here / "out"});
  INFO(done.errors);
  REQUIRE(done.status == 0);

  std::vector<long> largest;
  std::vector<std::string> saved;
  for (const auto& [word, count] : expected) {
    largest.push_back(count);
    saved.push_back("(" + word + "," + std::to_string(count) + ")");
  }
  std::sort(largest.rbegin(), largest.rend());
  std::sort(saved.begin(), saved.end());
  for (std::size_t i = 0; i < 4; ++i) {
    long count = 0;
    char word[32];
    REQUIRE(std::sscanf(done.lines().at(i).c_str(), "%ld %31s", &count, word) == 2);
    CHECK(count == largest[i]);
    CHECK(count == expected.at(word));
  }
  auto found = split_lines(parts_of(here / "out"));
  std::sort(found.begin(), found.end());
  CHECK(found == saved);
}

TEST_CASE("word_count with --json prints one line and a checksum of all counts") {
  const workplace here;
  const auto done = here.run("word_count", {here.file("text", "a b\na"), "--json"});
  REQUIRE(done.status == 0);
  REQUIRE(done.lines().size() == 1);
  // FNV-1a of "a" twice, of "b" once, and the counts themselves.
  const unsigned long long sum = 2 * 0xaf63dc4c8601ec8cULL + 0xaf63df4c8601f1a5ULL + 3;
  char expected[24];
  std::snprintf(expected, sizeof expected, "\"%016llx\"", sum);
  CHECK(json_field(done.lines()[0], "work") == "\"word_count\"");
  CHECK(json_field(done.lines()[0], "checksum") == expected);
}

TEST_CASE("log_mining counts the lines with each text asked for on the command line") {
  std::mt19937 random(2);
  const auto log = log_of(random, 3000);
  const workplace here;
  const auto done = here.run("log_mining", {here.file("log", log), "--query", "timed out", "--query", "nowhere", "--query", "7"});
  INFO(done.errors);
  REQUIRE(done.status == 0);
  CHECK(done.numbers(0).at(0) == lines_with(log, "ERROR", ""));
  CHECK(done.numbers(1).at(0) == lines_with(log, "ERROR", "timed out"));
  CHECK(done.numbers(2).at(0) == 0);
  CHECK(done.numbers(3).at(0) == lines_with(log, "ERROR", "7"));
}

TEST_CASE("log_mining answers what is typed, with samples, until the input ends") {
  std::mt19937 random(3);
  const auto log = log_of(random, 500);
  const workplace here;
  const auto done = here.run("log_mining", {here.file("log", log), "--match", "WARN"}, "php\n\nnowhere\n");
  INFO(done.errors);
  REQUIRE(done.status == 0);
  const auto lines = done.lines();
  CHECK(done.numbers(0).at(0) == lines_with(log, "WARN", ""));
  CHECK(done.numbers(1).at(0) == lines_with(log, "WARN", "php"));
  CHECK(lines.at(2).find("WARN php backend fails") != std::string::npos);
  CHECK(std::stoi(lines.back()) == 0);
}

TEST_CASE("tera_sort makes records, refuses them unsorted, sorts them and finds them in order") {
  const workplace here;
  REQUIRE(here.run("tera_sort", {"generate", "3000", here / "made"}).status == 0);
  auto records = split_lines(parts_of(here / "made"));
  REQUIRE(records.size() == 3000);
  CHECK(std::all_of(records.begin(), records.end(), [](const auto& record) { return record.size() == 99; }));

  const auto unsorted = here.run("tera_sort", {"validate", here / "made"});
  CHECK(unsorted.status == 1);
  CHECK(unsorted.errors.find("out of order") != std::string::npos);

  const auto sorted = here.run("tera_sort", {"sort", here / "made", here / "sorted"});
  INFO(sorted.errors);
  REQUIRE(sorted.status == 0);
  std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.compare(0, 10, b, 0, 10) < 0; });
  CHECK(split_lines(parts_of(here / "sorted")) == records);

  const auto validated = here.run("tera_sort", {"validate", here / "sorted"});
  CHECK(validated.status == 0);
  CHECK(validated.output.starts_with("3000 records in order"));
}

TEST_CASE("tera_sort finds a disorder between two part files") {
  const std::string filling(89, '.');
  const workplace here;
  std::filesystem::create_directory(here / "parts");
  here.file("parts/part-00000", "bbbbbbbbbb" + filling + "\n");
  here.file("parts/part-00001", "aaaaaaaaaa" + filling + "\n");
  const auto validated = here.run("tera_sort", {"validate", here / "parts"});
  CHECK(validated.status == 1);
  CHECK(validated.errors.find("out of order") != std::string::npos);
}
