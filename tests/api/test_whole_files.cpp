#include "fixture.hpp"

TEST_CASE_FIXTURE(api, "whole_text_files gives a record a file, whatever its size") {
  const scratch dir;
  std::map<std::string, std::string> files{{"a.txt", "first\nsecond"}, {"b.txt", ""}, {"c.txt", std::string(3'000'000, 'x')}};
  for (const auto& [name, content] : files)
    dir.file(name, content);
  const auto data = sc.whole_text_files(dir.path().string());
  std::map<std::string, std::string> found;
  for (const auto& [path, content] : data.collect())
    found[std::filesystem::path(path).filename().string()] = content;
  CHECK(found == files);
  CHECK(sc.whole_text_files(dir.path().string(), 3).num_partitions() == 3);
  CHECK(sc.whole_text_files(dir.path().string(), 1).num_partitions() == 1);
  CHECK(sc.whole_text_files(dir / "[ab].txt").count() == 2);
  CHECK(code_of([&] { sc.whole_text_files(dir / "none"); }) == sal::errc::input_not_found);
  const scratch empty;
  CHECK(sc.whole_text_files(empty.path().string()).count() == 0);
}

TEST_CASE_FIXTURE(api, "binary_files gives the bytes as they are") {
  const scratch dir;
  std::string all(256, '\0');
  for (int i = 0; i < 256; ++i)
    all[static_cast<std::size_t>(i)] = static_cast<char>(i);
  dir.file("all.gz", all); // not unpacked, so it need not be what its name says
  const auto bytes = sc.binary_files(dir.path().string()).first().second;
  REQUIRE(bytes.size() == 256);
  for (std::size_t i = 0; i < 256; ++i)
    REQUIRE(bytes[i] == static_cast<std::byte>(i));
}

TEST_CASE_FIXTURE(api, "binary_records cuts files into records of one length") {
  const scratch dir;
  std::string content;
  for (int i = 0; i < 10'000; ++i)
    content += std::to_string(10'000'000 + i).substr(1);
  dir.file("numbers", content);
  const auto data = sc.binary_records(dir / "numbers", 7, 5);
  CHECK(data.num_partitions() >= 5);
  const auto numbers = data.map([](std::string_view record) { return std::stoi(std::string(record)); }).collect();
  REQUIRE(numbers.size() == 10'000);
  for (int i = 0; i < 10'000; ++i)
    REQUIRE(numbers[static_cast<std::size_t>(i)] == i);
  CHECK(sc.binary_records(dir / "numbers", 70'000).count() == 1);
  std::string text;
  CHECK(code_of([&] { sc.binary_records(dir / "numbers", 9); }, &text) == sal::errc::corrupt_data);
  CHECK(text.find("no multiple of the record length 9") != std::string::npos);
  CHECK(code_of([&] { sc.binary_records(dir / "numbers", 0); }) == sal::errc::invalid_argument);
}
