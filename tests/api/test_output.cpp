// What is saved, and read back: packed text, object files.
#include "fixture.hpp"

namespace {

struct reading {
  std::string station;
  std::optional<double> degrees;
  std::vector<int> codes;
  bool checked = false;
  auto operator<=>(const reading&) const = default;
};
struct point {
  int x = 0;
  double y = 0;
  bool operator==(const point&) const = default;
};

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  return sorted(names);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE_FIXTURE(api, "text that is saved packed has the suffix by which it is read") {
  const scratch dir;
  const auto lines = sc.range(0, 20'000, 1, 3).map([](std::int64_t x) { return "line " + std::to_string(x); });
  const auto expected = lines.collect();
  lines.save_as_text_file(dir / "gz", sal::compression::gzip);
  lines.save_as_text_file(dir / "zst", sal::compression::zstd);
  CHECK(names_in(dir / "gz") == std::vector<std::string>{"_SUCCESS", "part-00000.gz", "part-00001.gz", "part-00002.gz"});
  CHECK(names_in(dir / "zst") == std::vector<std::string>{"_SUCCESS", "part-00000.zst", "part-00001.zst", "part-00002.zst"});
  for (const auto* name : {"gz", "zst"}) {
    CHECK(sc.text_file(dir / name).collect() == expected);
    CHECK(sc.text_file(dir / name, 9).num_partitions() == 3);
    CHECK(std::filesystem::file_size(dir / name + "/part-00000" + (name[0] == 'g' ? ".gz" : ".zst")) < 40'000);
  }
  sc.parallelize(std::vector<int>{}, 1).save_as_text_file(dir / "nothing", sal::compression::gzip);
  CHECK(sc.text_file(dir / "nothing").collect().empty());
}

TEST_CASE_FIXTURE(api, "object files give back the records that were saved, whatever their type") {
  const scratch dir;
  const auto round_trip = [&](const auto& data, const char* name, sal::compression packing = sal::compression::none) {
    using record = typename std::remove_cvref_t<decltype(data.collect())>::value_type;
    data.save_as_object_file(dir / name, packing);
    CHECK(sc.object_file<record>(dir / name).collect() == data.collect());
  };
  round_trip(sc.range(0, 1000, 1, 4), "numbers");
  round_trip(sc.parallelize(std::vector<point>{{1, 0.5}, {2, -1}}, 2), "points");
  round_trip(sc.parallelize(std::vector<bool>{true, false, true}, 2), "flags");
  round_trip(sc.parallelize(std::vector<reading>{{"north", 1.5, {1, 2}, true}, {"", std::nullopt, {}, false}}, 2), "readings");
  round_trip(sc.parallelize(std::vector<std::map<std::string, std::vector<double>>>{{{"a", {1, 2}}}, {}}, 3), "maps");
  round_trip(sc.parallelize(std::vector<int>{}, 2), "nothing");
  const auto words = sc.range(0, 50'000, 1, 3).map([](std::int64_t x) { return std::pair{std::to_string(x % 100), x}; });
  round_trip(words, "pairs");
  round_trip(words, "packed", sal::compression::zstd);
  CHECK(std::filesystem::file_size(dir / "packed/part-00000") * 2 < std::filesystem::file_size(dir / "pairs/part-00000"));
  round_trip(words.group_by_key(2).map_values([](const auto& values) { return values.size(); }), "counts");
  sc.text_file(dir.file("in.txt", "a view\nof text\n")).save_as_object_file(dir / "views");
  CHECK(sc.object_file<std::string>(dir / "views").collect() == std::vector<std::string>{"a view", "of text"});
  CHECK(code_of([&] { words.save_as_object_file(dir / "pairs"); }) == sal::errc::output_exists);
  CHECK(code_of([&] { words.save_as_object_file(dir / "gzip", sal::compression::gzip); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "object files are cut between blocks into any number of partitions") {
  const scratch dir;
  const auto data =
      sc.range(0, 40'000, 1, 1).map([](std::int64_t x) { return std::string(static_cast<std::size_t>(x % 300), 'x') + std::to_string(x); });
  data.save_as_object_file(dir / "out");
  const auto expected = data.collect();
  for (const std::uint32_t partitions : {1, 2, 3, 5, 40}) {
    const auto again = sc.object_file<std::string>(dir / "out", partitions);
    CHECK(again.num_partitions() >= partitions);
    CHECK(again.collect() == expected);
  }
  const auto counts = sc.object_file<std::string>(dir / "out", 3).map_partitions([](auto records) {
    std::vector<std::size_t> count{0};
    for (const auto& one : records)
      count[0] += one.empty() ? 0 : 1;
    return count;
  });
  for (const auto count : counts.collect())
    CHECK(count > 5'000);
}

TEST_CASE_FIXTURE(api, "object files of another type are an error that names both") {
  const scratch dir;
  sc.parallelize(std::vector<std::pair<std::string, int>>{{"a", 1}}, 1).save_as_object_file(dir / "out");
  std::string text;
  CHECK(code_of([&] { sc.object_file<std::pair<std::string, long>>(dir / "out"); }, &text) == sal::errc::wrong_type);
  CAPTURE(text);
  CHECK(text.find("part-00000") != std::string::npos);
  CHECK(text.find("pair(string,int32)") != std::string::npos);
  CHECK(text.find("pair(string,int64)") != std::string::npos);
  CHECK(code_of([&] { sc.object_file<reading>(dir / "out"); }) == sal::errc::wrong_type);
  // A later file is looked at by the task that reads it.
  sc.range(0, 3, 1, 1).save_as_object_file(dir / "other");
  CHECK(code_of([&] { sc.object_file<std::int64_t>((dir / "other") + "," + (dir / "out")).count(); }) == sal::errc::wrong_type);
  CHECK(code_of([&] { sc.object_file<int>(dir.file("text", "no object file at all, but long enough")); }) == sal::errc::corrupt_data);
}

TEST_CASE_FIXTURE(api, "a changed byte or a missing end of an object file is an error, never other records") {
  const scratch dir;
  sc.range(0, 3000, 1, 1).map([](std::int64_t x) { return std::to_string(x * 7919); }).save_as_object_file(dir / "out");
  const auto whole = bytes_of(dir / "out/part-00000");
  for (std::size_t at = 0; at < whole.size(); at += whole.size() / 25) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CAPTURE(at);
    const auto path = dir.file("damaged", damaged);
    const auto code = code_of([&] { sc.object_file<std::string>(path, 1).count(); });
    CHECK((code == sal::errc::corrupt_data || code == sal::errc::wrong_type));
  }
  const auto shorter = dir.file("short", whole.substr(0, whole.size() - 100));
  CHECK(code_of([&] { sc.object_file<std::string>(shorter).count(); }) == sal::errc::corrupt_data);
}

TEST_CASE("every kind of output is committed once, whatever attempts fail on the way") {
  const scratch dir;
  sal::context sc{sal::config{}.set_master("local[2,4]").set_app_name("api tests")};
  // Each partition fails once in the middle, after it has written a lot.
  const auto flaky = [&](const std::string& name) {
    return sc.range(0, 200'000, 1, 4)
        .map(sal::bind_front(
            [](const std::string& marks, std::int64_t x) {
              if (x % 50'000 == 40'000 && std::filesystem::create_directory(marks + "-" + std::to_string(x)))
                throw std::runtime_error("the first attempt fails");
              return std::pair{std::to_string(x), x};
            },
            dir / name));
  };
  flaky("a").save_as_text_file(dir / "text", sal::compression::zstd);
  flaky("b").save_as_object_file(dir / "objects");
  flaky("c").save_as_csv_file(dir / "csv");
  flaky("d").save_as_json_lines_file(dir / "json");
  using row = std::pair<std::string, std::int64_t>;
  const auto expected = sc.range(0, 200'000, 1, 4).map([](std::int64_t x) { return std::pair{std::to_string(x), x}; }).collect();
  CHECK(sc.text_file(dir / "text").count() == expected.size());
  CHECK(sc.object_file<row>(dir / "objects").collect() == expected);
  CHECK(sc.csv_file<row>(dir / "csv").collect() == expected);
  CHECK(sc.json_lines_file<row>(dir / "json").collect() == expected);
  for (const auto* name : {"objects", "csv", "json"})
    CHECK(names_in(dir / name) == std::vector<std::string>{"_SUCCESS", "part-00000", "part-00001", "part-00002", "part-00003"});
}
