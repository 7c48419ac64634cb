// CSV and JSON lines as structs.
#include "fixture.hpp"

namespace {

struct trip {
  std::string from;
  std::optional<double> km;
  int day = 0;
  bool paid = false;
  bool operator==(const trip&) const = default;
};

struct named {
  std::string who;
  std::uint8_t age = 0;
  static constexpr std::array column_names{"who", "age"};
  bool operator==(const named&) const = default;
};

struct order {
  std::int64_t id = 0;
  std::vector<named> people;
  std::map<std::string, double> prices;
  std::optional<std::string> note;
  static constexpr std::array column_names{"id", "people", "prices", "note"};
  bool operator==(const order&) const = default;
};

/// Of a list of variants, what is good and what is not.
template <class T>
std::pair<std::vector<T>, std::vector<sal::malformed_row>> split_up(const std::vector<sal::parsed<T>>& all) {
  std::pair<std::vector<T>, std::vector<sal::malformed_row>> out;
  for (const auto& one : all)
    if (const auto* good = std::get_if<T>(&one))
      out.first.push_back(*good);
    else
      out.second.push_back(std::get<sal::malformed_row>(one));
  return out;
}

} // namespace

TEST_CASE_FIXTURE(api, "rows of CSV become structs by position, empty fields empty optionals") {
  const scratch dir;
  const auto path = dir.file("t.csv", "Oslo,12.5,1,true\r\n\"a,\"\"b\"\"\",,-2,0\n\n ,+3, 4 ,FALSE");
  const std::vector<trip> expected{{"Oslo", 12.5, 1, true}, {"a,\"b\"", std::nullopt, -2, false}, {" ", 3.0, 4, false}};
  CHECK(sc.csv_file<trip>(path).collect() == expected);
  CHECK(sc.csv_file<std::tuple<std::string, std::optional<double>, int, bool>>(path).count() == 3);
  CHECK(sc.csv_file<std::pair<std::string, int>>(dir.file("p.csv", "x;1\ny;2"), {.delimiter = ';'}).values().collect() ==
        std::vector<int>{1, 2});
  CHECK(sc.csv_file<trip>(dir.file("empty.csv", "")).collect().empty());
}

TEST_CASE_FIXTURE(api, "a header maps columns to members by name, in each file and in each partition of it") {
  const scratch dir;
  std::string first = "\xef\xbb\xbfignored,age,who\n";
  std::string second = "who,age\n";
  std::vector<named> expected;
  for (int i = 0; i < 500; ++i) {
    expected.push_back({"name " + std::to_string(i), static_cast<std::uint8_t>(i % 200)});
    first += "?," + std::to_string(i % 200) + "," + expected.back().who + "\n";
  }
  expected.push_back({"last", 7});
  dir.file("a.csv", first);
  dir.file("b.csv", second + "last,7\n");
  for (const std::uint32_t partitions : {1, 2, 9, 100})
    CHECK(sc.csv_file<named>(dir.path().string(), {.header = true}, partitions).collect() == expected);
  CHECK(sc.csv_file<named>(dir / "b.csv", {.header = true, .columns = {"who", "age"}}).count() == 1);
  std::string text;
  CHECK(code_of(
            [&] {
              sc.csv_file<named>(dir / "b.csv", {.header = true, .columns = {"who", "years"}});
            },
            &text) == sal::errc::malformed_row);
  CHECK(text.find("b.csv:1: there is no column 'years'; there are: who, age") != std::string::npos);
  dir.file("twice.csv", "who,age,who\na,1,b\n");
  CHECK(code_of(
            [&] {
              sc.csv_file<named>(dir / "twice.csv", {.header = true, .columns = {"who", "age"}});
            },
            &text) == sal::errc::malformed_row);
  CHECK(text.find("twice.csv:1: there are two columns 'who', 1 and 3") != std::string::npos);
  CHECK(code_of([&] { sc.csv_file<named>(dir / "b.csv", {.columns = {"who"}}); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sc.csv_file<named>(dir / "b.csv", {.delimiter = '"'}); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(api, "malformed rows fail the job with file and line, are dropped, or are collected") {
  const scratch dir;
  std::string content;
  std::set<std::uint64_t> bad;
  for (std::uint64_t line = 1; line <= 3000; ++line) {
    if (line % 250 == 0) {
      bad.insert(line);
      content += line % 500 == 0 ? "Rome,1,many,true\n" : "Rome,1\r\n";
    } else {
      content += "Rome,1," + std::to_string(line) + (line % 3 == 0 ? ",true\r\n" : ",true\n");
    }
  }
  const auto path = dir.file("t.csv", content);
  for (const std::uint32_t partitions : {1, 2, 7}) {
    const auto [good, rejected] = split_up<trip>(sc.csv_file<sal::parsed<trip>>(path, {}, partitions).collect());
    CHECK(good.size() == 3000 - bad.size());
    REQUIRE(rejected.size() == bad.size());
    auto at = bad.begin();
    for (const auto& one : rejected) {
      CHECK(one.file == path);
      CHECK(one.line == *at);
      CHECK(one.text == (*at % 500 == 0 ? "Rome,1,many,true" : "Rome,1"));
      CHECK(one.reason == (*at % 500 == 0 ? "column 3 is 'many' instead of an integer in range" : "there are 2 fields instead of 4"));
      ++at;
    }
    CHECK(sc.csv_file<trip>(path, {.on_malformed = sal::malformed::drop}, partitions).collect() == good);
    std::string text;
    CHECK(code_of([&] { sc.csv_file<trip>(path, {}, partitions).count(); }, &text) == sal::errc::malformed_row);
    CAPTURE(text);
    CHECK(text.find(path + ":") != std::string::npos);
  }
  std::string text;
  CHECK(code_of([&] { sc.csv_file<trip>(path, {}, 1).count(); }, &text) == sal::errc::malformed_row);
  CHECK(text.find(path + ":250: malformed row: there are 2 fields instead of 4; the row is: Rome,1;") != std::string::npos);
}

TEST_CASE_FIXTURE(api, "quoted fields hold line ends where multiline is set, and are malformed elsewhere") {
  const scratch dir;
  const auto path = dir.file("t.csv", "\"a\nb\",1\nc,2\n\"d\r\n\r\ne\",3\n\"open,4\nx,5\n");
  using row = std::pair<std::string, int>;
  const auto [good, rejected] = split_up<row>(sc.csv_file<sal::parsed<row>>(path, {.multiline = true}, 4).collect());
  CHECK(good == std::vector<row>{{"a\nb", 1}, {"c", 2}, {"d\n\ne", 3}});
  REQUIRE(rejected.size() == 1);
  CHECK(rejected[0].line == 7);
  CHECK(rejected[0].text == "\"open,4\nx,5");
  CHECK(rejected[0].reason == "a quoted field does not end");
  CHECK(sc.csv_file<row>(path, {.multiline = true, .on_malformed = sal::malformed::drop}, 4).num_partitions() == 1);
  const auto by_line = split_up<row>(sc.csv_file<sal::parsed<row>>(path).collect());
  CHECK(by_line.first == std::vector<row>{{"c", 2}, {"x", 5}});
  CHECK(by_line.second.at(0).reason.find("set multiline") != std::string::npos);
  CHECK(split_up<row>(sc.csv_file<sal::parsed<row>>(dir.file("q.csv", "a\"b,1\nc,2\n")).collect()).second.at(0).line == 1);
}

TEST_CASE_FIXTURE(api, "rows of JSON lines become structs by name or by position, with lists, maps and structs in them") {
  const scratch dir;
  const auto path = dir.file(
      "t.json", R"({"id": 1, "people": [{"who": "Ann", "age": 30, "x": null}, ["Bo", 4]], "prices": {"a": 1, "b": 2.5}, "note": "é\n"}
{"prices": {}, "people": [], "id": -9223372036854775808}

{"id": 2, "people": [], "prices": {}, "note": null})");
  const std::vector<order> expected{{1, {{"Ann", 30}, {"Bo", 4}}, {{"a", 1}, {"b", 2.5}}, "é\n"},
                                    {std::numeric_limits<std::int64_t>::min(), {}, {}, {}},
                                    {2, {}, {}, {}}};
  for (const std::uint32_t partitions : {1, 2, 5})
    CHECK(sc.json_lines_file<order>(path, {}, partitions).collect() == expected);
  CHECK(sc.json_lines_file<std::pair<std::string, int>>(dir.file("l.json", "[\"a\", 1]\n[\"b\", 2]\n")).values().collect() ==
        std::vector<int>{1, 2});
  CHECK(sc.json_lines_file<trip>(dir.file("n.json", R"({"d":3,"f":"x","p":true})"), {.columns = {"f", "k", "d", "p"}}).first() ==
        trip{"x", {}, 3, true});
}

TEST_CASE_FIXTURE(api, "JSON lines that are not what they are read as are told with file, line and reason") {
  const scratch dir;
  const std::vector<std::pair<std::string, std::string>> rows{
      {"{\"who\": \"a\", \"age\": 1}", ""},
      {"{\"who\": \"a\"", "it is no JSON"},
      {"{\"who\": \"a\"}", "'age' is missing"},
      {"{\"who\": \"a\", \"age\": 256}", "'age' is an integer instead of an unsigned integer in range"},
      {"{\"who\": 5, \"age\": 1}", "'who' is an integer instead of a text"},
      {"{\"who\": \"a\", \"age\": 1.5}", "'age' is a number instead of"},
      {"[\"a\"]", "has 1 elements instead of 2"},
      {"17", "is an integer instead of an object or a list"},
  };
  std::string content;
  for (const auto& row : rows)
    content += row.first + "\n";
  const auto path = dir.file("t.json", content);
  const auto [good, rejected] = split_up<named>(sc.json_lines_file<sal::parsed<named>>(path).collect());
  CHECK(good == std::vector<named>{{"a", 1}});
  REQUIRE(rejected.size() == rows.size() - 1);
  for (std::size_t i = 0; i < rejected.size(); ++i) {
    CHECK(rejected[i].line == i + 2);
    CHECK(rejected[i].text == rows[i + 1].first);
    CAPTURE(rejected[i].reason);
    CHECK(rejected[i].reason.find(rows[i + 1].second) == 0);
  }
  CHECK(sc.json_lines_file<named>(path, {.on_malformed = sal::malformed::drop}).count() == 1);
  CHECK(code_of([&] { sc.json_lines_file<named>(path).count(); }) == sal::errc::malformed_row);
  CHECK(code_of([&] { sc.json_lines_file<trip>(dir.file("o.json", "{}")).count(); }) == sal::errc::malformed_row);
}

TEST_CASE_FIXTURE(api, "rows that are saved as CSV are read back as they were") {
  const scratch dir;
  const std::vector<trip> trips{{"a, \"b\"", 1.25, 1, true}, {"", std::nullopt, -5, false}, {" x\ty ", 1e300, 7, true}};
  const auto data = sc.parallelize(trips, 2);
  data.save_as_csv_file(dir / "plain");
  CHECK(sc.text_file(dir / "plain").take(2) == std::vector<std::string>{"\"a, \"\"b\"\"\",1.25,1,true", "\"\",,-5,false"});
  CHECK(sc.csv_file<trip>(dir / "plain").collect() == trips);
  const sal::csv_options named{.delimiter = ';', .header = true, .columns = {"from", "km", "day", "paid"}};
  data.save_as_csv_file(dir / "named", named, sal::compression::gzip);
  CHECK(sc.text_file(dir / "named/part-00000.gz").first() == "from;km;day;paid");
  CHECK(sc.csv_file<trip>(dir / "named", named).collect() == trips);
  CHECK(code_of([&] { data.save_as_csv_file(dir / "x", {.header = true}); }) == sal::errc::invalid_argument);
  const std::vector<std::pair<std::string, int>> marked{{"\xef\xbb\xbf"
                                                         "a",
                                                         1}}; // what looks like a byte order mark is data
  sc.parallelize(marked, 1).save_as_csv_file(dir / "marked");
  CHECK(sc.csv_file<std::pair<std::string, int>>(dir / "marked").collect() == marked);
  const std::vector<std::pair<std::string, int>> broken{{"two\nlines", 1}, {"one", 2}};
  sc.parallelize(broken, 1).save_as_csv_file(dir / "broken");
  CHECK(sc.csv_file<std::pair<std::string, int>>(dir / "broken", {.multiline = true}).collect() == broken);
}

TEST_CASE_FIXTURE(api, "rows that are saved as JSON lines are read back as they were") {
  const scratch dir;
  const std::vector<order> orders{{1, {{"Ann \"A\" \\", 30}}, {{"a", 1}, {"b", 0.1}}, "\t\x01\n é"}, {-2, {}, {}, std::nullopt}};
  sc.parallelize(orders, 2).save_as_json_lines_file(dir / "objects");
  CHECK(sc.text_file(dir / "objects").collect().at(1) == R"({"id":-2,"people":[],"prices":{},"note":null})");
  CHECK(sc.json_lines_file<order>(dir / "objects").collect() == orders);
  sc.parallelize(std::vector<std::pair<std::string, double>>{{"x", 0.5}}, 1).save_as_json_lines_file(dir / "lists");
  CHECK(sc.text_file(dir / "lists").collect() == std::vector<std::string>{R"(["x",0.5])"});
  const auto refused = [&](const auto& row) {
    return code_of([&] { sc.parallelize(std::vector{row}, 1).save_as_json_lines_file(dir / "refused"); });
  };
  CHECK(refused(std::pair{std::string("\xff"), 1}) == sal::errc::not_serializable);
  CHECK(refused(std::pair{1, std::numeric_limits<double>::infinity()}) == sal::errc::not_serializable);
}
