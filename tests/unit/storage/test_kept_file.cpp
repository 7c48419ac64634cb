#include "../../support/scratch.hpp"

#include <salamander/storage/kept_file.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <sys/resource.h>

namespace fs = std::filesystem;
using namespace salamander::storage;
using bytes = std::vector<std::byte>;

namespace {

struct folder : test_support::scratch {
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path()), fs::directory_iterator()));
  }
};

bytes text(const std::string& from) {
  const auto* const begin = reinterpret_cast<const std::byte*>(from.data());
  return {begin, begin + from.size()};
}

bool write(const fs::path& path, const std::string& second = "two") {
  kept_writer file(path, 4, 5);
  file.add(text("one"));
  file.add_empty();
  file.add(text(second));
  file.add({});
  return file.commit(77, text("notes"));
}

} // namespace

TEST_CASE("blocks come back as they were, and those without records as such") {
  const folder here;
  CHECK(write(here.path() / "f"));
  const kept_reader file(here.path() / "f");
  REQUIRE(file.blocks() == 4);
  CHECK(file.fingerprint() == 77);
  CHECK(file.notes() == text("notes"));
  CHECK(file.block(0) == text("one"));
  CHECK(file.block(1) == std::nullopt);
  CHECK(file.block(2) == text("two"));
  CHECK(file.block(3) == bytes());
  CHECK(file.bytes_of(2) == 3);
  CHECK(file.bytes_of(1) == 0);
  CHECK(here.files() == 1);
}

TEST_CASE("the first of two writers of one name stays") {
  const folder here;
  CHECK(write(here.path() / "f"));
  CHECK_FALSE(write(here.path() / "f", "other"));
  CHECK(kept_reader(here.path() / "f").block(2) == text("two"));
  CHECK(here.files() == 1);
}

TEST_CASE("nothing has the name before it is whole, and nothing stays of what was given up") {
  const folder here;
  {
    kept_writer file(here.path() / "f", 2, 0);
    file.add(text("one"));
    CHECK_FALSE(fs::exists(here.path() / "f"));
    CHECK_THROWS_AS(file.commit(0, {}), std::logic_error);
  }
  CHECK(here.files() == 0);
}

TEST_CASE("each changed byte and each missing end is noticed, and nothing else comes of it") {
  const folder here;
  REQUIRE(write(here.path() / "f"));
  std::string whole;
  {
    std::ifstream in(here.path() / "f", std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto reads_all = [&](const std::string& content) {
    std::ofstream(here.path() / "g", std::ios::binary | std::ios::trunc) << content;
    try {
      const kept_reader file(here.path() / "g");
      for (std::size_t i = 0; i < file.blocks(); ++i)
        file.block(i);
      return true;
    } catch (const std::runtime_error& failure) {
      CHECK(std::string(failure.what()).find("g") != std::string::npos);
      return false;
    }
  };
  REQUIRE(reads_all(whole));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x40);
    CHECK_FALSE(reads_all(changed));
    CHECK_FALSE(reads_all(whole.substr(0, at)));
  }
}

TEST_CASE("a full disk is an error that says so, and leaves nothing") {
  const folder here;
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 1000, before.rlim_max };
  ::setrlimit(RLIMIT_FSIZE, &small);
  try {
    kept_writer file(here.path() / "f", 1, 0);
    file.add(bytes(5000));
    FAIL("written");
  } catch (const std::system_error& failure) {
    CHECK(failure.code().value() == EFBIG);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(here.files() == 0);
  CHECK_THROWS_AS(kept_writer(here.path() / "nowhere" / "f", 0, 0), std::system_error);
  CHECK_THROWS_AS(kept_reader(here.path() / "f"), std::system_error);
}
