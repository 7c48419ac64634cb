#include "fixture.hpp"

TEST_CASE_FIXTURE(api, "records go through a program as lines, and its lines come back") {
  const auto words = sc.parallelize(std::vector<std::string>{"1", "2", "", "3"}, 2);
  CHECK(words.pipe("cat").collect() == std::vector<std::string>{"1", "2", "", "3"});
  CHECK(sc.range(0, 4, 1, 2).pipe({"sed", "s/^/number /"}).collect() ==
        std::vector<std::string>{"number 0", "number 1", "number 2", "number 3"});
  CHECK(sc.range(0, 10, 1, 4).pipe("wc -l").map([](const std::string& line) { return std::stoi(line); }).sum() == 10);
  CHECK(sc.parallelize(std::vector<std::pair<int, std::string>>{{1, "a"}}, 1).pipe("cat").first() == "(1,a)");
  CHECK(sc.parallelize(std::vector<int>{}, 3).pipe({"echo", "an empty partition"}).count() == 3);
  CHECK(words.pipe({"printf", "no newline"}).collect() == std::vector<std::string>{"no newline", "no newline"});
}

TEST_CASE_FIXTURE(api, "much more than a pipe holds goes both ways, and a program need not read it all") {
  const auto lines = sc.range(0, 300'000, 1, 2).map([](std::int64_t x) { return "a line with a number: " + std::to_string(x); });
  const auto back = lines.pipe("cat");
  CHECK(back.count() == 300'000);
  CHECK(back.zip(lines).filter([](const std::pair<std::string, std::string>& one) { return one.first != one.second; }).count() == 0);
  CHECK(lines.pipe({"head", "-n", "1"}).count() == 2);
  CHECK(lines.pipe("cat").take(1).front() == "a line with a number: 0");
}

TEST_CASE_FIXTURE(api, "a program that fails fails the job with its status and command") {
  const auto data = sc.range(0, 4, 1, 2);
  std::string text;
  CHECK(code_of([&] { data.pipe({"sh", "-c", "exit 3"}).collect(); }, &text) == sal::errc::task_failed);
  CHECK(text.find("Subprocess exited with status 3. Command ran: sh -c exit 3") != std::string::npos);
  CHECK(code_of([&] { data.pipe({"sh", "-c", "kill -9 $$"}).collect(); }, &text) == sal::errc::task_failed);
  CHECK(text.find("Subprocess was ended by signal 9") != std::string::npos);
  CHECK(code_of([&] { data.pipe("no-such-program-anywhere").collect(); }, &text) == sal::errc::task_failed);
  CHECK(text.find("Cannot run program \"no-such-program-anywhere\": No such file or directory") != std::string::npos);
  CHECK(code_of([&] { data.pipe("  "); }, &text) == sal::errc::invalid_argument);
  CHECK(data.count() == 4);
}

TEST_CASE_FIXTURE(api, "a program has the environment and the directory that it is given, and no shell") {
  const auto data = sc.range(0, 2, 1, 2);
  sal::pipe_options options;
  options.environment = {{"COLOUR", "green and blue"}};
  CHECK(data.pipe({"sh", "-c", "echo $COLOUR"}, options).collect() == std::vector<std::string>{"green and blue", "green and blue"});
  CHECK(data.pipe({"echo", "$COLOUR", "*"}, options).first() == "$COLOUR *");
  CHECK(data.pipe({"sh", "-c", "env | grep -c ^SALAMANDER_ || true"}).first() == "0");
  options.separate_working_directory = true;
  const auto places = data.pipe({"sh", "-c", "pwd; ls | wc -l"}, options).collect();
  REQUIRE(places.size() == 4);
  CHECK(places[0] != places[2]);
  CHECK(places[1] == "0");
  CHECK_FALSE(std::filesystem::exists(places[0]));
}
