#include <salamander/actors/cluster/launch.hpp>
#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

using namespace salamander;
using namespace salamander::actors;

namespace {

executor_launch some_executor() {
  return {{"program", "--fast", ""}, {"A=1", "B=x=y"}, std::string("orders\0\1", 8), "an authority", "a certificate", "a key"};
}

driver_launch some_driver() {
  return {{"in", "out"}, {"A=1"}, {{"salamander.app.name", "word count"}, {"salamander.cores.max", "4"}}};
}

executor_placement some_place() {
  return {"/w/app-1/executor-3.orders", "app-1", 3, 0xffffffffffffffff, 2, 1ULL << 40, "/w/app-1", "/w/app-1/3/work", "10.0.0.7", 4711};
}

} // namespace

TEST_CASE("how to start a process comes back as it was said") {
  const auto executor = decode_executor_launch(encode_launch(some_executor()));
  CHECK(executor.arguments == some_executor().arguments);
  CHECK(executor.environment == some_executor().environment);
  CHECK(executor.orders == some_executor().orders);
  CHECK(executor.authority == "an authority");
  CHECK(executor.certificate == "a certificate");
  CHECK(executor.key == "a key");
  const auto driver = decode_driver_launch(encode_launch(some_driver()));
  CHECK(driver.arguments == some_driver().arguments);
  CHECK(driver.environment == some_driver().environment);
  CHECK(driver.settings == some_driver().settings);
}

TEST_CASE("a launch of which bytes are missing or added is refused, and a changed one is refused or another one") {
  for (const auto& good : {encode_launch(some_executor()), encode_launch(some_driver())}) {
    const auto decode = [](const std::string& bytes) {
      if (bytes.starts_with("salamander d"))
        static_cast<void>(decode_driver_launch(bytes));
      else
        static_cast<void>(decode_executor_launch(bytes));
    };
    for (std::size_t size = 0; size < good.size(); ++size)
      CHECK_THROWS_AS(decode(good.substr(0, size)), error);
    CHECK_THROWS_AS(decode(good + "x"), error);
    for (std::size_t i = 0; i < good.size(); ++i)
      for (const int flip : {0xff, 0x80, 0x01}) {
        auto bad = good;
        bad[i] = static_cast<char>(bad[i] ^ flip);
        try {
          decode(bad);
        } catch (const error& refused) {
          CHECK(refused.code() == errc::corrupt_data);
        }
      }
  }
  CHECK_THROWS_AS(decode_driver_launch(encode_launch(some_executor())), error);
  CHECK_THROWS_AS(decode_executor_launch(encode_launch(some_driver())), error);
}

TEST_CASE("arguments, variables and settings that the system would read as something else are refused") {
  auto executor = some_executor();
  executor.arguments.clear();
  CHECK_THROWS_AS(decode_executor_launch(encode_launch(executor)), error);
  for (const std::string& bad : {std::string("a\0b", 3), std::string("A=1\0B=2", 7), std::string("=1"), std::string("nothing")}) {
    executor = some_executor();
    executor.environment = {bad};
    CHECK_THROWS_AS(decode_executor_launch(encode_launch(executor)), error);
  }
  for (const std::pair<std::string, std::string>& bad : std::vector<std::pair<std::string, std::string>>{
           {"", "1"}, {"a b", "1"}, {"a\nsalamander.master", "1"}, {"a", "1\nsalamander.x 2"}}) {
    auto driver = some_driver();
    driver.settings = {bad};
    CHECK_THROWS_AS(decode_driver_launch(encode_launch(driver)), error);
  }
}

TEST_CASE("an executor's placement is lines of text that come back as they were") {
  const auto text = placement_text(some_place());
  const auto where = parse_placement(text);
  CHECK(placement_text(where) == text);
  CHECK(where.incarnation == 0xffffffffffffffff);
  CHECK(where.directory == "/w/app-1");
  CHECK(where.parent == 4711);
  auto bad = some_place();
  bad.host = "a\nparent=1";
  CHECK_THROWS_AS(placement_text(bad), error);
}

TEST_CASE("a placement that lacks something says what, and nothing is said twice") {
  const auto text = placement_text(some_place());
  for (const std::string& name : std::vector<std::string>{"orders", "application", "executor", "incarnation", "cores", "memory",
                                                          "directory", "work", "host", "parent"}) {
    CAPTURE(name);
    const auto begin = text.rfind(name + "=", 0) == 0 ? 0 : text.find("\n" + name + "=") + 1;
    auto less = text;
    less.erase(begin, text.find('\n', begin) + 1 - begin);
    try {
      static_cast<void>(parse_placement(less));
      FAIL("it was accepted");
    } catch (const error& refused) {
      CHECK(refused.code() == errc::corrupt_data);
      CHECK(std::string(refused.what()).find(name) != std::string::npos);
    }
  }
  CHECK_THROWS_AS(parse_placement(text + "host=1.2.3.4\n"), error);
  CHECK_THROWS_AS(parse_placement(text + "unfinished"), error);
  CHECK_THROWS_AS(parse_placement(""), error);
  auto odd = text;
  odd.replace(odd.find("cores=2"), 7, "cores=-2");
  CHECK_THROWS_AS(parse_placement(odd), error);
}
