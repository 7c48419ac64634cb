#include "../../support/scratch.hpp"

#include <salamander/actors/cluster/worker_files.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/cluster/names.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <fstream>
#include <optional>

using namespace salamander;
using namespace salamander::actors;
using test_support::scratch;
namespace fs = std::filesystem;

namespace {

constexpr const char* app = "app-20261121225500-0001";
constexpr const char* hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"; // of "hello"

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int mode_of(const fs::path& path) {
  return static_cast<int>(fs::status(path).permissions());
}

struct files {
  files() {
    it.emplace(place.path() / "work");
  }
  /// As another process of the same worker would.
  void restart() {
    it.reset();
    it.emplace(place.path() / "work");
  }
  void store(const char* sha256, std::string_view text) {
    it->begin(sha256);
    for (const char& one : text)
      it->append(sha256, {&one, 1});
    it->finish(sha256);
  }

  scratch place;
  std::optional<worker_files> it;
};

void age(const fs::path& path) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(100));
}

} // namespace

TEST_CASE("content is verified while it arrives, and cannot be changed by accident") {
  files it;
  CHECK_FALSE(it.it->has(hello));
  it.store(hello, "hello");
  CHECK(it.it->has(hello));
  CHECK(mode_of(it.it->content(hello)) == 0500);
  CHECK(mode_of(it.it->root()) == 0700);
  CHECK(sha256_of_file(it.it->content(hello)) == hello);
}

TEST_CASE("content that is not what was asked for is refused, and nothing is left of it") {
  files it;
  CHECK_THROWS_AS(it.store(hello, "hellO"), error);
  CHECK_FALSE(it.it->has(hello));
  CHECK(fs::is_empty(it.it->root() / "programs"));
  it.it->begin(hello);
  it.it->append(hello, "hel");
  it.it->give_up(hello);
  CHECK(fs::is_empty(it.it->root() / "programs"));
  it.it->begin(hello);
  it.store(hello, "hello"); // begun anew
  CHECK(it.it->has(hello));
}

TEST_CASE("content of an earlier worker is used again unless it is damaged") {
  files it;
  it.store(hello, "hello");
  it.restart();
  CHECK(it.it->has(hello));
  fs::permissions(it.it->content(hello), fs::perms::owner_all);
  write(it.it->content(hello), "hellO");
  it.restart();
  CHECK_FALSE(it.it->has(hello));
  CHECK_FALSE(fs::exists(it.it->content(hello)));
}

TEST_CASE("names that are no names become no paths") {
  files it;
  for (const char* bad : {"", "..", "../x", "/etc", "App", "programs", "lock", "a/b"}) {
    CHECK_THROWS_AS(it.it->owner(bad), error);
    CHECK_THROWS_AS(it.it->process(bad, 1), error);
    CHECK_THROWS_AS(it.it->make_process(bad, 1, {}), error);
    CHECK_THROWS_AS(it.it->write_private(bad, "x", "x"), error);
    it.it->over(bad);
    it.it->remove_work(bad, 1);
  }
  for (const char* bad : {"", "..", "../lock", "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"}) {
    CHECK_THROWS_AS(it.it->content(bad), error);
    CHECK_THROWS_AS(it.it->begin(bad), error);
    CHECK_THROWS_AS(it.it->has(bad), error);
  }
  CHECK_THROWS_AS(it.it->make_process(app, 1, {{"../x", hello, 5}}), error);
  CHECK(fs::exists(it.it->root() / "lock"));
}

TEST_CASE("a process runs in a directory of its own with copies of its files") {
  files it;
  it.store(hello, "hello");
  const auto work = it.it->make_process(app, 3, {{"words.txt", hello, 5}});
  CHECK(work == it.it->root() / app / "3" / "work");
  CHECK(read(work / "words.txt") == "hello");
  CHECK(mode_of(work) == 0700);
  write(work / "words.txt", "changed");
  write(work / "scratch", "x");
  CHECK(it.it->make_process(app, 3, {{"words.txt", hello, 5}}) == work);
  CHECK(read(work / "words.txt") == "hello");
  CHECK_FALSE(fs::exists(work / "scratch"));
}

TEST_CASE("secrets are for this user only, and go with the application; logs stay") {
  files it;
  static_cast<void>(it.it->make_process(app, 3, {}));
  const auto key = it.it->write_private(app, "executor.key", "a key");
  CHECK(mode_of(key) == 0600);
  CHECK(mode_of(it.it->owner(app)) == 0700);
  CHECK(it.it->write_private(app, "executor.key", "another") == key);
  CHECK(read(key) == "another");
  write(it.it->process(app, 3) / "stdout", "said");
  write(it.it->process(app, 3) / "work" / "scratch", "x");
  it.it->over(app);
  CHECK_FALSE(fs::exists(key));
  CHECK_FALSE(fs::exists(it.it->process(app, 3) / "work"));
  CHECK(read(it.it->process(app, 3) / "stdout") == "said");
}

TEST_CASE("what a killed worker has left is cleaned up by the next one, except logs and whole content") {
  files it;
  it.store(hello, "hello");
  static_cast<void>(it.it->make_process(app, 3, {}));
  it.it->write_private(app, "executor.key", "a key");
  write(it.it->process(app, 3) / "stdout", "said");
  write(it.it->root() / "programs" / (std::string(64, 'a') + ".part"), "half");
  it.restart();
  CHECK_FALSE(fs::exists(it.it->owner(app) / "executor.key"));
  CHECK_FALSE(fs::exists(it.it->root() / "programs" / (std::string(64, 'a') + ".part")));
  CHECK(read(it.it->process(app, 3) / "stdout") == "said");
  CHECK(it.it->has(hello));
}

TEST_CASE("only what is over and unused for long is removed by age") {
  files it;
  it.store(hello, "hello");
  static_cast<void>(it.it->make_process(app, 1, {}));
  static_cast<void>(it.it->make_process("app-2", 1, {}));
  static_cast<void>(it.it->make_process("app-3", 1, {}));
  for (const char* old : {app, "app-2"})
    age(it.it->owner(old));
  age(it.it->content(hello));
  it.it->clean({"app-2"}, std::chrono::hours(99));
  CHECK_FALSE(fs::exists(it.it->owner(app)));
  CHECK(fs::exists(it.it->owner("app-2")));
  CHECK(fs::exists(it.it->owner("app-3")));
  CHECK_FALSE(it.it->has(hello));
  it.store(hello, "hello");
  age(it.it->content(hello));
  CHECK(it.it->has(hello)); // which is a use
  it.it->clean({}, std::chrono::hours(99));
  CHECK(it.it->has(hello));
}

TEST_CASE("two workers do not share a directory, and others may not write to it") {
  files it;
  CHECK_THROWS_AS(worker_files(it.place.path() / "work"), error);
  fs::create_directory(it.place.path() / "open");
  fs::permissions(it.place.path() / "open", fs::perms::all);
  CHECK_THROWS_AS(worker_files(it.place.path() / "open"), error);
}

TEST_CASE("a worker knows the names of those before it, and which attempt of a driver was the last") {
  files it;
  CHECK(it.it->add_name("worker-a-1").empty());
  it.restart();
  CHECK(it.it->add_name("worker-a-2") == std::vector<std::string>{"worker-a-1"});
  CHECK(mode_of(it.it->root() / "names") == 0600);
  write(it.it->root() / "names", "worker-a-2\nno name\nworker-a-1\n");
  CHECK(it.it->add_name("worker-a-3") == std::vector<std::string>{"worker-a-2", "worker-a-1"});
  for (int i = 0; i < 30; ++i)
    static_cast<void>(it.it->add_name("worker-b-" + std::to_string(i)));
  const auto all = it.it->add_name("worker-c");
  CHECK(all.size() == scheduler::cluster::worker_names_max);
  CHECK(all.front() == "worker-b-29");

  CHECK_FALSE(it.it->latest_process("driver-1").has_value());
  for (const std::uint32_t attempt : {2U, 10U, 9U})
    static_cast<void>(it.it->make_process("driver-1", attempt, {}));
  write(it.it->owner("driver-1") / "orders", "no process");
  CHECK(it.it->latest_process("driver-1") == 10U);
  CHECK_THROWS_AS(it.it->latest_process("../driver-1"), error);
}
