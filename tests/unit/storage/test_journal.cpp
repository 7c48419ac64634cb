#include "../../support/scratch.hpp"

#include <salamander/storage/journal.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <system_error>

#include <sys/resource.h>

namespace fs = std::filesystem;
using namespace salamander::storage;
using records = std::vector<std::string>;

namespace {

struct folder : test_support::scratch {
  fs::path journal_of(std::uint64_t term) const {
    auto number = std::to_string(term);
    return path() / ("journal-" + std::string(20 - number.size(), '0') + number);
  }
};

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

const records three{"one", "", std::string(1000, 'x')};

} // namespace

TEST_CASE("what was appended to a journal is read again, in order") {
  const folder in;
  {
    journal it(in.path(), 3, {"first"});
    it.append({"second", "third"});
    it.append({std::string("\0\n", 2)});
  }
  const auto found = read_newest_journal(in.path());
  CHECK(found.records == records{"first", "second", "third", std::string("\0\n", 2)});
  CHECK(found.term == 3);
  CHECK(found.notices.empty());
  CHECK(fs::status(in.journal_of(3)).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a directory without a journal has nothing to say") {
  const folder in;
  CHECK(read_newest_journal(in.path()).records.empty());
  CHECK(newest_journal_term(in.path()) == 0);
  CHECK_THROWS_AS(read_newest_journal(in.path() / "none"), std::system_error);
}

TEST_CASE("wherever a journal is cut off, all complete records before are read") {
  const folder in;
  const journal it(in.path(), 1, three);
  const auto whole = read(in.journal_of(1));
  REQUIRE(whole.size() == it.size_bytes());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write(in.journal_of(1), whole.substr(0, size));
    const auto found = read_newest_journal(in.path());
    REQUIRE(found.records.size() < three.size());
    REQUIRE(std::equal(found.records.begin(), found.records.end(), three.begin()));
    const bool clean = size == 8 || size == 8 + 8 + 3 || size == 8 + 8 + 3 + 8;
    REQUIRE(found.notices.empty() == clean);
  }
}

TEST_CASE("whichever bit of a journal is wrong, no wrong record is read") {
  const folder in;
  const journal it(in.path(), 1, three);
  const auto whole = read(in.journal_of(1));
  for (std::size_t bit = 0; bit < 8 * 200; ++bit) {
    auto damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    write(in.journal_of(1), damaged);
    const auto found = read_newest_journal(in.path());
    REQUIRE(found.records.size() < three.size());
    REQUIRE(std::equal(found.records.begin(), found.records.end(), three.begin()));
    REQUIRE_FALSE(found.notices.empty());
  }
}

TEST_CASE("the journal of the newest term counts, and what a former writer adds later does not") {
  const folder in;
  journal former(in.path(), 1, {"a"});
  journal later(in.path(), 2, {"b"});
  former.append({"too late"});
  CHECK(read_newest_journal(in.path()).records == records{"b"});
  const journal latest(in.path(), 10, {"c"});
  former.append({"much too late"});
  CHECK(read_newest_journal(in.path()).records == records{"c"});
  CHECK_FALSE(fs::exists(in.journal_of(1)));
  CHECK(fs::exists(in.journal_of(2)));
  CHECK(newest_journal_term(in.path()) == 10);
}

TEST_CASE("a newest file that is no journal is passed over, and said") {
  const folder in;
  const journal it(in.path(), 1, {"a"});
  write(in.journal_of(2), "SALJ");
  const auto found = read_newest_journal(in.path());
  CHECK(found.records == records{"a"});
  REQUIRE(found.notices.size() == 1);
  CHECK(found.notices[0].find("is no journal") != std::string::npos);
}

TEST_CASE("a journal that is replaced holds only what it was replaced by and what came then") {
  const folder in;
  journal it(in.path(), 1, three);
  it.replace({"short"});
  it.append({"and more"});
  CHECK(it.begun_bytes() == 8 + 8 + 5);
  CHECK(read_newest_journal(in.path()).records == records{"short", "and more"});
  CHECK(std::distance(fs::directory_iterator(in.path()), {}) == 1);
}

TEST_CASE("a write that does not fit is an error, and leaves what was said before and room for what comes then") {
  const folder in;
  journal it(in.path(), 1, {"kept"});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_AS(it.append({std::string(10'000, 'x')}), std::system_error);
  CHECK_THROWS_AS(it.replace({std::string(10'000, 'x')}), std::system_error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  it.append({"later"});
  CHECK(read_newest_journal(in.path()).records == records{"kept", "later"});
  CHECK_THROWS_AS(it.append({std::string(journal::record_bytes_max + 1, 'x')}), std::length_error);
}
