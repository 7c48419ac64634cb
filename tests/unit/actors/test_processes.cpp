#include "runtime_fixture.hpp"

#include <salamander/actors/application_directory.hpp>
#include <salamander/actors/certificates.hpp>
#include <salamander/actors/executor_spec.hpp>
#include <salamander/actors/launcher.hpp>
#include <salamander/actors/messages.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

using namespace salamander;
using namespace salamander::actors;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// Notes how processes ended.
class endings {
public:
  void add(std::uint32_t executor, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    all_[executor] = reason;
    changed_.notify_all();
  }
  std::string of(std::uint32_t executor) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 30s, [&] { return all_.contains(executor); });
    return all_[executor];
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint32_t, std::string> all_;
};

process_order shell(std::uint32_t number, const std::string& script) {
  return {number, "/bin/sh", {"sh", "-c", script}, {"PATH=/usr/bin:/bin", "COLOUR=yellow"}};
}

struct launched {
  endings ended;
  launcher processes{[this](std::uint32_t executor, const std::string& reason) { ended.add(executor, reason); }};
};

fs::perms mode_of(const fs::path& path) {
  return fs::status(path).permissions();
}

} // namespace

TEST_CASE("a process's end is told with its exit code or signal") {
  launched it;
  it.processes.start(shell(1, "exit 42"));
  it.processes.start(shell(2, "kill -9 $$"));
  it.processes.start(shell(3, "test $COLOUR = yellow"));
  it.processes.start({4, "/no/such/program", {"x"}, {}});
  CHECK(it.ended.of(1) == "exited with code 42");
  CHECK(it.ended.of(2) == "killed by signal 9 (Killed)");
  CHECK(it.ended.of(3) == "exited with code 0");
  CHECK(it.ended.of(4).find("No such file or directory") != std::string::npos);
  CHECK(it.processes.process_of(1) == 0);
}

TEST_CASE("a process that is killed has the reason of its killer, unless it ends by itself in time") {
  launched it;
  it.processes.start(shell(1, "exec sleep 100"));
  it.processes.kill(1, "it was silent", 0ms);
  CHECK(it.ended.of(1) == "it was silent");
  it.processes.start(shell(2, "exit 5"));
  it.processes.kill(2, "too late", 20s);
  CHECK(it.ended.of(2) == "exited with code 5");
}

TEST_CASE("a stopped process is killed all the same") {
  launched it;
  it.processes.start(shell(1, "kill -STOP $$; sleep 100"));
  it.processes.kill(1, "fenced", 50ms);
  CHECK(it.ended.of(1) == "fenced");
}

TEST_CASE("a child sees nothing of this process but its standard streams and the watched descriptor") {
  launched it;
  const int open = ::open("/dev/null", O_RDONLY);
  it.processes.start(shell(1, "for f in /proc/self/fd/*; do n=${f##*/}; test $n -le 3 -o ! -e $f || exit 9; done; test ! -t 0"));
  CHECK(it.ended.of(1) == "exited with code 0");
  ::close(open);
}

TEST_CASE("stopping kills what does not end by itself and buries everything") {
  endings ended;
  launcher processes([&](std::uint32_t executor, const std::string& reason) { ended.add(executor, reason); });
  for (std::uint32_t i = 0; i < 4; ++i)
    processes.start(shell(i, "exec sleep 100"));
  processes.stop(20ms);
  for (std::uint32_t i = 0; i < 4; ++i)
    CHECK(ended.of(i) == "killed by signal 9 (Killed)");
  processes.start(shell(9, "exit 0"));
  processes.stop(0ms);
}

TEST_CASE("the directory of a dead application is removed by the next start, that of a live one is not") {
  const test_support::scratch parent;
  const auto mine = std::make_unique<application_directory>(parent.path());
  CHECK(mode_of(mine->path()) == fs::perms::owner_all);
  const auto prefix = "salamander-" + std::to_string(::getuid()) + "-";
  const pid_t dead = ::fork();
  if (dead == 0)
    ::_exit(0);
  ::waitpid(dead, nullptr, 0);
  const auto stale = parent.path() / (prefix + std::to_string(dead) + "-00000000");
  const auto locked = parent.path() / (prefix + std::to_string(dead) + "-00000001");
  const auto foreign = parent.path() / "salamander-notes";
  for (const auto& path : {stale, locked, foreign}) {
    fs::create_directory(path);
    std::ofstream(path / "lock") << "x";
  }
  const int lock = ::open((locked / "lock").c_str(), O_RDWR);
  REQUIRE(::flock(lock, LOCK_EX) == 0);
  const application_directory other(parent.path());
  CHECK_FALSE(fs::exists(stale));
  CHECK(fs::exists(locked));
  CHECK(fs::exists(foreign));
  CHECK(fs::exists(mine->path()));
  CHECK(other.path() != mine->path());
  ::close(lock);
}

TEST_CASE("an application's directory goes with it") {
  const test_support::scratch parent;
  fs::path path;
  {
    const application_directory mine(parent.path());
    path = mine.path();
    std::ofstream(path / "something") << "x";
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("keys are for their user alone and each side has its own") {
  const test_support::scratch where;
  make_credentials(where.path());
  for (const auto& side : {driver_credentials(where.path()), executor_credentials(where.path())}) {
    CHECK(mode_of(side.key) == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(fs::file_size(side.certificate) > 100);
    CHECK(fs::exists(side.authority));
  }
  CHECK_FALSE(fs::exists(where.path() / "ca.key"));
}

TEST_CASE("an executor reads its orders, and refuses those of another protocol") {
  const test_support::scratch where;
  executor_spec spec;
  spec.protocol = protocol_version;
  spec.executor = 3;
  spec.incarnation = 1234567890123ULL;
  spec.directory = where.path().string();
  spec.driver_host = "127.0.0.1";
  spec.log_level = "info";
  const auto path = write_spec(spec);
  CHECK(mode_of(path) == (fs::perms::owner_read | fs::perms::owner_write));
  const auto read = read_spec(path);
  CHECK(read.executor == 3);
  CHECK(read.incarnation == spec.incarnation);
  CHECK(read.log_level == "info");
  CHECK_THROWS_AS(write_spec(spec), error); // never over a file that is there
  fs::remove(path);
  spec.protocol = protocol_version + 1;
  try {
    read_spec(write_spec(spec));
    FAIL("it was read");
  } catch (const error& refused) {
    CHECK(refused.code() == errc::build_mismatch);
  }
}

TEST_CASE("an executor refuses orders in which one bit is wrong, or that end early") {
  const test_support::scratch where;
  executor_spec spec;
  spec.protocol = protocol_version;
  spec.directory = where.path().string();
  spec.memory_bytes = 1ULL << 30;
  const auto path = write_spec(spec);
  std::ifstream file(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  const auto reads = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      read_spec(path);
      return true;
    } catch (const error&) {
      return false;
    }
  };
  CHECK(reads(whole));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CAPTURE(i);
    auto damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    CHECK_FALSE(reads(damaged));
    CHECK_FALSE(reads(whole.substr(0, i)));
  }
}

TEST_CASE("positions written by one process are read by another") {
  const test_support::scratch where;
  const auto path = where.path() / "positions";
  const auto read = position_table::create(path, 4);
  const pid_t child = ::fork();
  if (child == 0) {
    auto written = position_table::open(path, 4);
    written.data()[2].task = 5;
    written.data()[2].record = 17;
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  CHECK(read.begin()[2].task == 5);
  CHECK(read.begin()[2].record == 17);
  CHECK(read.begin()[0].task == 0);
  CHECK_THROWS_AS(position_table::open(path, 400), error);
}
