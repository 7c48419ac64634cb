#include "../../support/scratch.hpp"

#include <salamander/rdd/config.hpp>

#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

namespace {

using namespace salamander;
using namespace std::chrono_literals;

/// Sets or unsets an environment variable until its scope ends.
class with_environment {
public:
  with_environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name))
      old_ = old;
    change(value);
  }
  ~with_environment() {
    change(old_ ? old_->c_str() : nullptr);
  }

private:
  void change(const char* value) {
    if (value)
      ::setenv(name_, value, 1);
    else
      ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> old_;
};

/// A config that no environment reaches.
config plain_config() {
  const with_environment no_master("SALAMANDER_MASTER", nullptr);
  const with_environment no_directory("SALAMANDER_CONF_DIR", nullptr);
  return {};
}

/// The config made where salamander-defaults.conf has this content.
config config_from_file(const std::string& content, std::string& path) {
  const test_support::scratch place;
  path = place.file("salamander-defaults.conf", content);
  const with_environment no_master("SALAMANDER_MASTER", nullptr);
  const with_environment directory("SALAMANDER_CONF_DIR", place.path().c_str());
  return {};
}

template <class F>
void check_fails(errc code, const std::string& text, F&& f) {
  try {
    f();
    FAIL_CHECK("no error; expected: " << text);
  } catch (const error& failure) {
    CHECK(failure.code() == code);
    INFO("text: ", failure.what());
    CHECK(std::string(failure.what()).find(text) != std::string::npos);
  }
}

} // namespace

TEST_CASE("a value that was set wins over the built-in default") {
  auto c = plain_config();
  CHECK(c.get_int("salamander.task.maxFailures") == 4);
  CHECK_FALSE(c.contains("salamander.task.maxFailures"));
  c.set("salamander.task.maxFailures", "7");
  CHECK(c.get_int("salamander.task.maxFailures") == 7);
  CHECK(c.contains("salamander.task.maxFailures"));
  c.set_if_missing("salamander.task.maxFailures", "9").set_if_missing("salamander.local.dir", "/scratch");
  CHECK(c.get("salamander.task.maxFailures") == "7");
  CHECK(c.get("salamander.local.dir") == "/scratch");
  CHECK(c.find("salamander.app.name") == std::nullopt);
  CHECK(c.get("salamander.app.name", "none") == "none");
  check_fails(errc::invalid_argument, "'salamander.app.name' is not set", [&] { c.get("salamander.app.name"); });
}

TEST_CASE("an unknown key of ours names the nearest known one, other keys are kept") {
  auto c = plain_config();
  check_fails(errc::unknown_config_key, "'salamander.task.maxFailure'; the nearest known key is 'salamander.task.maxFailures'",
              [&] { c.set("salamander.task.maxFailure", "1"); });
  check_fails(errc::unknown_config_key, "nearest known key is 'salamander.locality.wait'", [&] { c.set("salamander.localty.wiat", "1"); });
  check_fails(errc::unknown_config_key, "nearest known key is 'salamander.driver.maxResultSize'",
              [&] { c.get("salamander.driver.maxresultsize"); });
  check_fails(errc::unknown_config_key, "must not be empty", [&] { c.set(" ", "1"); });
  c.set("my.own.key", "anything");
  CHECK(c.get("my.own.key") == "anything");
  c.set("salamander.executorEnv.PATH_OF_DATA", "/data");
  CHECK(c.get("salamander.executorEnv.PATH_OF_DATA") == "/data");
  check_fails(errc::unknown_config_key, "salamander.executorEnv.", [&] { c.set("salamander.executorEnv.", "x"); });
}

TEST_CASE("sizes and times take units") {
  using core::parse_bytes;
  using core::parse_time;
  CHECK(parse_bytes("k", "17") == 17);
  CHECK(parse_bytes("k", "17b") == 17);
  CHECK(parse_bytes("k", "3k") == 3072);
  CHECK(parse_bytes("k", " 64 MB ") == 64ULL << 20);
  CHECK(parse_bytes("k", "1g") == 1ULL << 30);
  CHECK(parse_bytes("k", "2T") == 2ULL << 40);
  CHECK(parse_bytes("k", "7p") == 7ULL << 50);
  CHECK(parse_time("k", "3") == 3s);
  CHECK(parse_time("k", "250ms") == 250ms);
  CHECK(parse_time("k", "1us") == 1ms);
  CHECK(parse_time("k", "0us") == 0ms);
  CHECK(parse_time("k", "10s") == 10s);
  CHECK(parse_time("k", "2m") == 2min);
  CHECK(parse_time("k", "2min") == 2min);
  CHECK(parse_time("k", "1h") == 1h);
  CHECK(parse_time("k", "1d") == 24h);
  for (const auto* bad : {"", "m", "-1", "1.5g", "1kk", "1x", "1bb", "0x10", "9999999999999999999999", "8192p"})
    check_fails(errc::bad_config_value, "for some.key", [&] { parse_bytes("some.key", bad); });
  for (const auto* bad : {"", "s", "-1s", "1.5s", "1y", "1 s s", "99999999999999999999s", "40000d"})
    check_fails(errc::bad_config_value, "for some.key", [&] { parse_time("some.key", bad); });
}

TEST_CASE("set refuses a value that its key cannot have") {
  auto c = plain_config();
  check_fails(errc::bad_config_value, "bad value 'many' for salamander.task.maxFailures: expected a whole number",
              [&] { c.set("salamander.task.maxFailures", "many"); });
  check_fails(errc::bad_config_value, "at least 1", [&] { c.set("salamander.task.maxFailures", "0"); });
  check_fails(errc::bad_config_value, "at most 2147483647", [&] { c.set("salamander.task.maxFailures", "2147483648"); });
  check_fails(errc::bad_config_value, "a size such as", [&] { c.set("salamander.driver.maxResultSize", "10s"); });
  check_fails(errc::bad_config_value, "at least 1048576 bytes", [&] { c.set("salamander.executor.memory", "1k"); });
  check_fails(errc::bad_config_value, "a time such as", [&] { c.set("salamander.locality.wait", "3g"); });
  check_fails(errc::bad_config_value, "true or false", [&] { c.set("salamander.ui.jobSummary", "yes"); });
  check_fails(errc::bad_config_value, "or a path with a / or a . in it", [&] { c.set("salamander.faults.report", "True"); });
  check_fails(errc::bad_config_value, "one of: trace debug", [&] { c.set("salamander.log.level", "loud"); });
  CHECK(c.get_all().empty());
  CHECK(c.set("salamander.log.level", " INFO").get("salamander.log.level") == "info");
}

TEST_CASE("typed getters read the user's own keys too") {
  auto c = plain_config();
  c.set_all({{"my.count", "-12"}, {"my.ratio", "2.5e-1"}, {"my.flag", "True"}, {"my.size", "4k"}, {"my.pause", "20ms"}});
  CHECK(c.get_int("my.count") == -12);
  CHECK(c.get_double("my.ratio") == doctest::Approx(0.25));
  CHECK(c.get_bool("my.flag"));
  CHECK(c.get_bytes("my.size") == 4096);
  CHECK(c.get_time("my.pause") == 20ms);
  check_fails(errc::bad_config_value, "my.ratio", [&] { c.get_int("my.ratio"); });
  check_fails(errc::bad_config_value, "my.flag", [&] { c.get_double("my.flag"); });
  check_fails(errc::bad_config_value, "my.count", [&] { c.get_bool("my.count"); });
  check_fails(errc::invalid_argument, "my.other", [&] { c.get_int("my.other"); });
}

TEST_CASE("every built-in default is a value that its own key accepts") {
  const auto& entries = core::known_config();
  CHECK(std::is_sorted(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.key < b.key; }));
  auto c = plain_config();
  for (const auto& entry : entries) {
    CAPTURE(entry.key);
    CHECK_FALSE(entry.meaning.empty());
    if (!entry.fallback.empty())
      CHECK_NOTHROW(c.set(entry.key, entry.fallback));
  }
  CHECK_NOTHROW(core::check_consistent(c));
}

TEST_CASE("an executor must be suspected before it is given up") {
  auto c = plain_config();
  c.set("salamander.executor.deadTimeout", "2s");
  check_fails(errc::bad_config_value, "less than salamander.executor.deadTimeout, which is 2s", [&] { core::check_consistent(c); });
}

TEST_CASE("defaults come from the file, then from the environment, then from the program") {
  std::string path;
  auto c = config_from_file("# a comment\n\n salamander.task.maxFailures 6\nsalamander.local.dir=/a b\r\nmy.key =  v # kept\n"
                            "salamander.master local[2]",
                            path);
  CHECK(c.get_int("salamander.task.maxFailures") == 6);
  CHECK(c.get("salamander.local.dir") == "/a b");
  CHECK(c.get("my.key") == "v # kept");
  CHECK(c.get("salamander.master") == "local[2]");
  const with_environment no_directory("SALAMANDER_CONF_DIR", nullptr);
  const with_environment master("SALAMANDER_MASTER", "local[3]");
  config from_environment;
  CHECK(from_environment.get("salamander.master") == "local[3]");
  CHECK(from_environment.set_master("local").get("salamander.master") == "local");
}

TEST_CASE("what is wrong in the defaults file is reported with its line") {
  std::string path;
  try {
    config_from_file("salamander.task.maxFailures 6\n\nsalamander.task.maxFailurs 6\n", path);
    FAIL("no error");
  } catch (const error& failure) {
    CHECK(failure.code() == errc::unknown_config_key);
    CHECK(std::string(failure.what()).find(path + ":3: unknown configuration key") == 0);
  }
  check_fails(errc::bad_config_value, "salamander-defaults.conf:1: bad value 'x'",
              [&] { config_from_file("salamander.locality.wait x", path); });
  check_fails(errc::bad_config_value, "salamander-defaults.conf:2: expected \"key value\"", [&] { config_from_file("#\nalone\n", path); });
  const with_environment elsewhere("SALAMANDER_CONF_DIR", "/nonexistent");
  CHECK_NOTHROW(config());
}

TEST_CASE("secrets do not appear in the debug string") {
  auto c = plain_config();
  c.set("my.Password", "abc").set("a.key", "plain").set("my.authToken", "def").set_app_name("x");
  CHECK(c.to_debug_string() == "a.key=plain\nmy.Password=*********(redacted)\nmy.authToken=*********(redacted)\nsalamander.app.name=x\n");
}

TEST_CASE("master URLs of every documented form are understood") {
  using core::master_url;
  using core::parse_master;
  const auto all = std::max(1U, std::thread::hardware_concurrency());
  const auto local = [](std::string_view text, std::uint32_t cores, std::uint32_t failures) {
    const auto m = parse_master(text);
    CHECK(m.how == master_url::kind::local);
    CHECK(m.executors == 1);
    CHECK(m.cores == cores);
    CHECK(m.task_failures_max == failures);
  };
  local("local", 1, 1);
  local("local[4]", 4, 1);
  local("local[*]", all, 1);
  local("local[2,3]", 2, 3);
  local(" local[ * , 5 ] ", all, 5);
  const auto cluster = parse_master("local-cluster[3,2,512]");
  CHECK(cluster.how == master_url::kind::local_cluster);
  CHECK(cluster.executors == 3);
  CHECK(cluster.cores == 2);
  CHECK(cluster.memory_bytes == 512ULL << 20);
  CHECK(cluster.task_failures_max == 0);
  const auto standalone = parse_master(" salamander://a:7077,b:7077");
  CHECK(standalone.how == master_url::kind::cluster);
  CHECK(standalone.masters == "salamander://a:7077,b:7077");
  CHECK(standalone.task_failures_max == 0);
}

TEST_CASE("SALAMANDER_CONF holds settings, a line each, stronger than SALAMANDER_MASTER and weaker than the program's own") {
  ::setenv("SALAMANDER_MASTER", "local[2]", 1);
  ::setenv("SALAMANDER_CONF", "salamander.master=local[3]\nmy.key=a b\n", 1);
  const config settings;
  CHECK(settings.get("salamander.master") == "local[3]");
  CHECK(settings.get("my.key") == "a b");
  ::setenv("SALAMANDER_CONF", "salamander.mster=local", 1);
  check_fails(errc::unknown_config_key, "SALAMANDER_CONF:1: ", [] { config(); });
  ::unsetenv("SALAMANDER_CONF");
  ::unsetenv("SALAMANDER_MASTER");
}

TEST_CASE("other master URLs are refused with the forms that exist") {
  for (const auto* bad : {"",
                          "Local",
                          "local[",
                          "local[]",
                          "local[x]",
                          "local[2",
                          "local[0]",
                          "local[-1]",
                          "local[2,0]",
                          "local[2,*]",
                          "local[1,2,3]",
                          "local[100000]",
                          "local[99999999999]",
                          "local-cluster",
                          "local-cluster[1,1]",
                          "local-cluster[0,1,1]",
                          "local-cluster[*,1,1]",
                          "local-cluster[1000,1,1]",
                          "yarn",
                          "spark://host:1"})
    check_fails(errc::bad_master_url, "Could not parse master URL: '" + std::string(bad) + "'", [&] { core::parse_master(bad); });
  check_fails(errc::bad_master_url, "known forms are local, local[N]", [&] { core::parse_master("mesos://x"); });
  check_fails(errc::bad_master_url, "known forms are local, local[N]", [&] { core::parse_master("salamander://"); });
  check_fails(errc::bad_master_url, "at most 1024 threads", [&] { core::parse_master("local[2000]"); });
}

TEST_CASE("the page on configuration says of every key what the library knows of it") {
  // SALAMANDER_WRITE_PAGES=1 writes it, after a change of the keys.
  constexpr std::string_view kinds[] = {"text", "whole number", "number", "truth", "size", "time"};
  std::string table = "<!-- keys -->\n| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const auto& entry : core::known_config()) {
    std::string value(kinds[static_cast<std::size_t>(entry.kind)]);
    if (!entry.choices.empty())
      value = entry.choices;
    table +=
        "| `" + std::string(entry.key) + "` | " + value + " | " + std::string(entry.fallback) + " | " + std::string(entry.meaning) + " |\n";
  }
  const std::string path = SALAMANDER_SOURCE "/docs/configuration.md";
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  auto page = text.str();
  const auto begin = page.find("<!-- keys -->");
  const auto end = page.find("<!-- /keys -->");
  REQUIRE(begin < end);
  REQUIRE(end != std::string::npos);
  if (std::getenv("SALAMANDER_WRITE_PAGES") != nullptr) {
    page.replace(begin, end - begin, table);
    std::ofstream(path) << page;
    return;
  }
  CHECK_MESSAGE(page.substr(begin, end - begin) == table, "repeat with SALAMANDER_WRITE_PAGES=1 to bring docs/configuration.md up to date");
}
