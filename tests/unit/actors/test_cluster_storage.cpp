#include "../../support/scratch.hpp"

#include <salamander/actors/cluster/file_store.hpp>
#include <salamander/actors/cluster/lease_file.hpp>
#include <salamander/actors/cluster/master_journal.hpp>
#include <salamander/actors/cluster/program_file.hpp>
#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <sys/stat.h>

namespace fs = std::filesystem;
using namespace salamander::actors;
using salamander::scheduler::cluster::lease_record;
using salamander::scheduler::cluster::stored_file;

using test_support::scratch;

namespace {

/// A file to be stored, of some length and content.
struct offered {
  offered(const scratch& in, const std::string& name, std::size_t size, char fill) : bytes(size, fill) {
    std::ofstream(in.path() / name, std::ios::binary) << bytes;
    what = describe_file(in.path() / name, name).what;
  }
  piece at(std::size_t offset, std::size_t size) const {
    return {what.sha256, offset, bytes.size(), bytes.substr(offset, size)};
  }
  piece_stored send(file_store& to) const {
    to.missing({what});
    piece_stored answer{what.sha256, 0, {}};
    while (answer.failure.empty() && answer.received < bytes.size())
      answer = to.take(at(answer.received, piece_bytes_max));
    return answer;
  }

  std::string bytes;
  stored_file what;
};

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), {}));
}

} // namespace

TEST_CASE("a file comes in pieces, is verified, and is given out again in pieces") {
  const scratch in;
  const offered file(in, "program", 2 * piece_bytes_max + 100, 'p');
  file_store store(in.path() / "store", 1 << 30);
  CHECK(store.missing({file.what}).size() == 1);
  CHECK(file.send(store).received == file.bytes.size());
  CHECK(store.missing({file.what}).empty());
  std::string back;
  while (back.size() < file.bytes.size()) {
    const auto next = store.give({file.what.sha256, back.size()});
    REQUIRE(next.total == file.bytes.size());
    REQUIRE_FALSE(next.bytes.empty());
    back += next.bytes;
  }
  CHECK(back == file.bytes);
  struct stat there {};
  REQUIRE(::stat((in.path() / "store").c_str(), &there) == 0);
  CHECK((there.st_mode & 0777) == 0700);
  const file_store again(in.path() / "store", 1 << 30);
  CHECK(again.has(file.what.sha256));
}

TEST_CASE("whoever sends a piece again, or one too far, hears where to go on") {
  const scratch in;
  const offered file(in, "program", 1000, 'p');
  file_store store(in.path() / "store", 1 << 30);
  store.missing({file.what});
  CHECK(store.take(file.at(0, 400)).received == 400);
  CHECK(store.take(file.at(0, 400)).received == 400);
  CHECK(store.take(file.at(600, 400)).received == 400);
  CHECK(store.take(file.at(400, 600)).received == 1000);
  CHECK(store.take(file.at(400, 600)).received == 1000);
}

TEST_CASE("what is not what was said is not stored") {
  const scratch in;
  const offered file(in, "program", 1000, 'p');
  file_store store(in.path() / "store", 1 << 30);
  store.missing({file.what});
  auto wrong = file.at(0, 1000);
  wrong.bytes[500] = 'q';
  CHECK(store.take(wrong).failure.find("is not what was said") != std::string::npos);
  CHECK_FALSE(store.has(file.what.sha256));
  CHECK(files_in(in.path() / "store") == 0);
  CHECK(store.bytes() == 0);
  CHECK(file.send(store).failure.empty());
}

TEST_CASE("files that nobody asked for, wrong lengths and names that are none are refused") {
  const scratch in;
  const offered file(in, "program", 1000, 'p');
  file_store store(in.path() / "store", 1 << 30);
  CHECK(store.take(file.at(0, 1000)).failure == "nobody has asked for this file");
  store.missing({file.what});
  auto longer = file.at(0, 1000);
  longer.total = 2000;
  CHECK(store.take(longer).failure.find("another length") != std::string::npos);
  auto empty = file.at(0, 0);
  CHECK_FALSE(store.take(empty).failure.empty());
  stored_file path{"x", "../../../../../../../../../../../../../../../../../../etc/passwd", 10};
  CHECK(store.missing({path}).size() == 1);
  CHECK_FALSE(store.take({path.sha256, 0, 10, "0123456789"}).failure.empty());
  CHECK(store.give({"../../etc/passwd", 0}).total == 0);
  CHECK(files_in(in.path() / "store") == 0);
}

TEST_CASE("when there is no room, files that nobody uses go, those used longest ago first") {
  const scratch in;
  const offered a(in, "a", 400, 'a');
  const offered b(in, "b", 400, 'b');
  const offered c(in, "c", 400, 'c');
  const offered d(in, "d", 1001, 'd');
  file_store store(in.path() / "store", 1000);
  a.send(store);
  b.send(store);
  store.give({a.what.sha256, 0});
  CHECK(c.send(store).failure.empty());
  CHECK(store.has(a.what.sha256));
  CHECK_FALSE(store.has(b.what.sha256));
  store.keep({a.what.sha256, c.what.sha256});
  CHECK(b.send(store).failure.find("there is no room") != std::string::npos);
  CHECK(d.send(store).failure.find("there is no room") != std::string::npos);
  CHECK(store.bytes() == 800);
}

TEST_CASE("a lease is read as it was written, and a damaged one is nobody's to take at once") {
  lease_record record{7, "m1", "host:7077", "boot-1", 12, {{"m2", "other:7077", 3}, {"m3", "", 4}}};
  const auto text = lease_text(record);
  CHECK(parse_lease(text) == record);
  CHECK(parse_lease("") == lease_record{});
  CHECK(parse_lease(lease_text({})) == lease_record{});
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    REQUIRE_FALSE(parse_lease(damaged).holder.empty());
    REQUIRE_FALSE(parse_lease(damaged) == record);
    REQUIRE_FALSE(parse_lease(text.substr(0, at)) == record);
  }
}

TEST_CASE("a lease's file is read and written in one step, and tells whether a holder on this machine is dead") {
  const scratch in;
  lease_file second(in.path(), "m2", "boot");
  {
    lease_file first(in.path(), "m1", "boot");
    const auto take = [](const lease_file::sight& seen) {
      auto next = seen.record;
      next.term = 1;
      next.holder = "m1";
      return std::optional(next);
    };
    CHECK(first.update(take, std::chrono::milliseconds(100)));
    bool dead = true;
    const auto look = [&](const lease_file::sight& seen) {
      CHECK(seen.record.holder == "m1");
      dead = seen.holder_is_dead;
      return std::optional<lease_record>();
    };
    CHECK_FALSE(second.update(look, std::chrono::milliseconds(100)));
    CHECK_FALSE(dead);
    const auto locked_out = [&](const lease_file::sight&) {
      CHECK_THROWS_AS(second.update(look, std::chrono::milliseconds(20)), salamander::error);
      return std::optional<lease_record>();
    };
    first.update(locked_out, std::chrono::milliseconds(100));
  }
  bool dead = false;
  second.update(
      [&](const lease_file::sight& seen) {
        dead = seen.holder_is_dead;
        return std::optional<lease_record>();
      },
      std::chrono::milliseconds(100));
  CHECK(dead);
}

TEST_CASE("a leader whose predecessor is only stopped is not taken for dead by it") {
  const scratch in;
  lease_file stopped(in.path(), "m1", "boot");
  lease_file leader(in.path(), "m2", "boot");
  const auto take_as = [](const char* name) {
    return [name](const lease_file::sight& seen) {
      auto next = seen.record;
      ++next.term;
      next.holder = name;
      next.boot = "boot";
      return std::optional(next);
    };
  };
  const std::chrono::milliseconds patience(100);
  stopped.update(take_as("m1"), patience);
  leader.update(take_as("m2"), patience); // when the lease was over
  for (int visit = 0; visit < 3; ++visit)
    stopped.update(
        [](const lease_file::sight& seen) {
          CHECK(seen.record.holder == "m2");
          CHECK_FALSE(seen.holder_is_dead);
          return std::optional<lease_record>();
        },
        patience);
}

TEST_CASE("records of a master's journal are read as they were written") {
  using namespace salamander::scheduler::cluster;
  const scratch in;
  master_journal it(in.path());
  CHECK(it.read().journal.empty());
  driver_accepted accepted{3, "driver-1", "token", {}, 77};
  accepted.what.name = "batch";
  accepted.what.program = {{"batch", std::string(64, 'a'), 5}};
  it.begin(1, {numbers_used{1, 2}, worker_joined{"worker-a", "host"}});
  it.append({accepted, driver_not_started{"driver-1", 1, "worker-a", "its disk is full"},
             driver_over{"driver-1", driver_state::failed, 3, "exited with code 3", 78}});
  it.keep_launch("driver-1", "secret");
  it.keep_launch("../outside", "secret");
  const auto found = master_journal(in.path()).read();
  REQUIRE(found.journal.size() == 5);
  CHECK(std::get<numbers_used>(found.journal[0]).drivers == 2);
  CHECK(std::get<worker_joined>(found.journal[1]).host == "host");
  CHECK(std::get<driver_accepted>(found.journal[2]).what.program.front().bytes == 5);
  CHECK(std::get<driver_not_started>(found.journal[3]).worker == "worker-a");
  CHECK(std::get<driver_not_started>(found.journal[3]).reason == "its disk is full");
  CHECK(std::get<driver_over>(found.journal[4]).exit_code == 3);
  CHECK(found.launches == std::map<std::string, std::string>{{"driver-1", "secret"}});
  struct stat there {};
  REQUIRE(::stat((in.path() / "drivers" / "driver-1").c_str(), &there) == 0);
  CHECK((there.st_mode & 0777) == 0600);
  CHECK_FALSE(fs::exists(in.path() / "outside"));
  it.drop_launch("driver-1");
  CHECK(master_journal(in.path()).read().launches.empty());
}

TEST_CASE("what a driver is started with is on the disk as a whole before its submission is accepted, or refused") {
  const scratch in;
  master_journal it(in.path());
  CHECK(it.stage_launch("one").empty());
  CHECK(master_journal(in.path()).read().launches.empty()); // nobody's yet
  it.keep_launch("driver-1", "one");
  it.keep_launch("driver-2", "two"); // not staged
  CHECK(it.stage_launch("three").empty());
  CHECK(it.stage_launch("four").empty()); // another submission came between
  it.keep_launch("driver-3", "three");
  CHECK(master_journal(in.path()).read().launches ==
        std::map<std::string, std::string>{{"driver-1", "one"}, {"driver-2", "two"}, {"driver-3", "three"}});
  fs::remove_all(in.path() / "drivers");
  std::ofstream(in.path() / "drivers") << "no directory";
  CHECK(it.stage_launch("five").find("cannot write") != std::string::npos);
}

TEST_CASE("a record that another release wrote is an error, whatever its bytes") {
  CHECK_THROWS_AS(decode_record(""), salamander::error);
  CHECK_THROWS_AS(decode_record("\x02zzz"), salamander::error);
  const auto good = encode_record(salamander::scheduler::cluster::worker_joined{"worker-a", "host"});
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_THROWS_AS(decode_record(good.substr(0, size)), salamander::error);
  CHECK_THROWS_AS(decode_record(good + "x"), salamander::error);
}
