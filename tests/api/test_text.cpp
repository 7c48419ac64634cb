#include "fixture.hpp"

TEST_CASE_FIXTURE(api, "text files are cut at line ends into any number of partitions") {
  const scratch dir;
  std::string content;
  std::vector<std::string> lines;
  for (int i = 0; i < 2000; ++i) {
    lines.push_back("line " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 50), '.'));
    content += lines.back() + (i % 3 == 0 ? "\r\n" : "\n");
  }
  lines.push_back("no newline at the end");
  content += lines.back();
  const auto path = dir.file("in.txt", content);
  for (const std::uint32_t partitions : {1, 2, 3, 7, 64}) {
    const auto text = sc.text_file(path, partitions);
    CHECK(text.num_partitions() >= partitions);
    CHECK(text.collect() == lines);
    CHECK(text.count() == lines.size());
  }
}

TEST_CASE_FIXTURE(api, "directories, patterns and lists are read, an empty directory has no partitions") {
  const scratch dir;
  std::filesystem::create_directory(dir.path() / "data");
  std::filesystem::create_directory(dir.path() / "none");
  dir.file("data/a.txt", "1\n2\n");
  dir.file("data/b.txt", "3\n");
  dir.file("data/_hidden", "no\n");
  dir.file("data/empty.txt", "");
  CHECK(sc.text_file(dir / "data").collect() == std::vector<std::string>{"1", "2", "3"});
  CHECK(sc.text_file(dir / "data/*.txt").collect() == std::vector<std::string>{"1", "2", "3"});
  CHECK(sc.text_file((dir / "data/b.txt") + "," + (dir / "data/a.txt")).collect() == std::vector<std::string>{"3", "1", "2"});
  const auto none = sc.text_file(dir / "none");
  CHECK(none.num_partitions() == 0);
  CHECK(none.map([](const std::string& l) { return std::pair{l, 1}; }).reduce_by_key(std::plus<>{}).collect().empty());
  CHECK(none.sort_by([](const std::string& l) { return l; }).collect().empty());
  CHECK(none.distinct().collect().empty());
  std::string text;
  CHECK(code_of([&] { sc.text_file(dir / "missing"); }, &text) == sal::errc::input_not_found);
  CHECK(text.find("missing") != std::string::npos);
}

TEST_CASE_FIXTURE(api, "text is saved in part files with a success mark, and never over something") {
  const scratch dir;
  const auto out = dir / "out";
  sc.parallelize({3, 1, 2}, 2).save_as_text_file(out);
  CHECK(std::filesystem::exists(out + "/_SUCCESS"));
  CHECK(std::filesystem::exists(out + "/part-00000"));
  CHECK(std::filesystem::exists(out + "/part-00001"));
  CHECK_FALSE(std::filesystem::exists(out + "/_temporary"));
  CHECK(sc.text_file(out).collect() == std::vector<std::string>{"3", "1", "2"});
  CHECK(code_of([&] { sc.parallelize({1}, 1).save_as_text_file(out); }) == sal::errc::output_exists);
  sc.parallelize(std::vector<std::pair<std::string, double>>{{"a", 1}, {"b", 0.5}}, 1).save_as_text_file(dir / "pairs");
  CHECK(sc.text_file(dir / "pairs").collect() == std::vector<std::string>{"(a,1.0)", "(b,0.5)"});
}

TEST_CASE_FIXTURE(api, "a job that fails leaves no output directory") {
  const scratch dir;
  const auto out = dir / "out";
  const auto failing = sc.range(0, 100, 1, 4).map([](std::int64_t x) {
    if (x == 77)
      throw std::runtime_error("seventy-seven");
    return x;
  });
  CHECK(code_of([&] { failing.save_as_text_file(out); }) == sal::errc::task_failed);
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE_FIXTURE(api, "the word count of the documentation gives the counts a map gives") {
  const scratch dir;
  std::string content;
  std::map<std::string, std::int64_t> expected;
  for (int i = 0; i < 5000; ++i) {
    const auto word = "w" + std::to_string(i * i % 97);
    ++expected[word];
    content += word + (i % 11 == 0 ? "\n" : "  ");
  }
  const auto counts = sc.text_file(dir.file("in.txt", content), 4)
                          .flat_map([](const std::string& line) { return sal::words(line); })
                          .map([](std::string w) {
                            return std::pair{std::move(w), std::int64_t{1}};
                          })
                          .reduce_by_key(std::plus<>{});
  const auto all = counts.collect();
  CHECK(std::map<std::string, std::int64_t>(all.begin(), all.end()) == expected);
  const auto best = counts.top(3, sal::by_value);
  CHECK(best.size() == 3);
  CHECK(best[0].second >= best[1].second);
}
