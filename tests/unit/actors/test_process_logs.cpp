#include "../../support/scratch.hpp"

#include <salamander/actors/cluster/process_logs.hpp>
#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <limits>
#include <optional>

using namespace salamander;
using namespace salamander::actors;
using test_support::scratch;

namespace {

struct logged {
  explicit logged(log_limits bounds = {100, 3}) : limits(bounds) {
    begin();
  }
  void begin() {
    writer.emplace(place.path(), "stdout", limits, [this](const std::string& text) { trouble.push_back(text); });
  }
  log_extract read(std::int64_t offset, std::uint32_t bytes_max = 1U << 20) const {
    return read_log_part(place.path(), "stdout", offset, bytes_max);
  }

  log_limits limits;
  scratch place;
  std::vector<std::string> trouble;
  std::optional<log_writer> writer;
};

std::string line(int number) {
  return "line " + std::to_string(1000 + number) + "\n"; // 10 bytes
}

} // namespace

TEST_CASE("what was printed is read back by offset, and from the end") {
  logged it;
  it.writer->write("one\ntwo\n");
  it.writer->write("three\n");
  CHECK(it.read(0).text == "one\ntwo\nthree\n");
  CHECK(it.read(4).text == "two\nthree\n");
  CHECK(it.read(4, 3).text == "two");
  CHECK(it.read(-6).text == "three\n");
  CHECK(it.read(-6).offset == 8);
  CHECK(it.read(-1000).text == "one\ntwo\nthree\n");
  CHECK(it.read(std::numeric_limits<std::int64_t>::min()).offset == 0);
  CHECK(it.read(99).text.empty());
  CHECK(it.read(99).offset == 14);
  CHECK(it.read(0).end == 14);
}

TEST_CASE("parts end with lines, the oldest go, and offsets go on counting") {
  logged it;
  for (int i = 0; i < 95; ++i)
    it.writer->write(line(i));
  const auto all = it.read(0);
  CHECK(all.end == 950);
  CHECK(all.offset == 700); // three parts of at most 100 bytes
  CHECK(all.text.starts_with(line(70)));
  CHECK(all.text.ends_with(line(94)));
  CHECK(all.text.size() == 250);
  CHECK(it.read(795, 20).text == line(79).substr(5) + line(80) + line(81).substr(0, 5));
  CHECK(std::distance(std::filesystem::directory_iterator(it.place.path()), {}) == 3);
}

TEST_CASE("a line that does not fit into a part goes whole to the next one, and one that is longer than a part is cut") {
  logged it;
  it.writer->write(std::string(60, 'a') + "\n" + std::string(60, 'b') + "\n");
  CHECK(std::filesystem::file_size(it.place.path() / "stdout.00000000000000000000") == 61);
  it.writer->write(std::string(250, 'c'));
  CHECK(it.read(122).text == std::string(250, 'c'));
  CHECK(it.read(0).end == 372);
}

TEST_CASE("a writer goes on where an earlier one has ended") {
  logged it;
  for (int i = 0; i < 15; ++i)
    it.writer->write(line(i));
  it.begin();
  it.writer->write(line(15));
  CHECK(it.read(0).end == 160);
  CHECK(it.read(140).text == line(14) + line(15));
}

TEST_CASE("a full disk drops output and says so, and goes on when there is room") {
  logged it({1U << 20, 2});
  it.writer->write("before\n");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{7, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  it.writer->write("lost\n");
  it.writer->write("lost, too\n");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  it.writer->write("after\n");
  CHECK(it.writer->dropped() == 15);
  CHECK(it.trouble.size() == 1);
  const auto text = it.read(0).text;
  CHECK(text.starts_with("before\n"));
  CHECK(text.ends_with("after\n"));
  CHECK(text.find("15 bytes of output were lost") != std::string::npos);
}

TEST_CASE("logs are of this user only, and what is no log is not read") {
  logged it;
  it.writer->write("x\n");
  CHECK(std::filesystem::status(it.place.path() / "stdout").permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  std::ofstream(it.place.path() / "secret") << "secret";
  std::filesystem::create_symlink(it.place.path() / "secret", it.place.path() / "stderr");
  for (const char* stream : {"secret", "../stdout", ""})
    CHECK_THROWS_AS(read_log_part(it.place.path(), stream, 0, 10), error);
  CHECK_THROWS_AS(read_log_part(it.place.path(), "stderr", 0, 10), error); // a link
  CHECK_THROWS_AS(read_log_part(it.place.path() / "none", "stdout", 0, 10), error);
}
