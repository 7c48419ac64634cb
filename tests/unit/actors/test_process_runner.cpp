#include "scratch.hpp"

#include <salamander/actors/cluster/process_runner.hpp>

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>

using namespace salamander::actors;
using namespace std::chrono_literals;
using runtime_test::scratch_directory;
using salamander::scheduler::cluster::process_key;

namespace {

process_key executor(std::uint32_t number) {
  return {false, "app-1", number, 7};
}

/// A runner of shell scripts, each in a directory of its own.
struct runner {
  runner_events events() {
    return {[this](const process_key& key, pid_t process) {
              const std::lock_guard lock(mutex);
              started[key.number] = process;
              changed.notify_all();
            },
            [this](const run_end& end) {
              const std::lock_guard lock(mutex);
              ended[end.process.number] = end;
              changed.notify_all();
            },
            [](const std::string&) {}};
  }
  std::filesystem::path directory(std::uint32_t number) const {
    return place.path() / std::to_string(number);
  }
  void start(std::uint32_t number, const std::string& script, const std::string& program = "/bin/sh") {
    std::filesystem::create_directories(directory(number));
    it->start({executor(number), {program, {"sh", "-c", script}, {"PATH=/usr/bin:/bin"}, directory(number).string()}, directory(number)});
  }
  pid_t process(std::uint32_t number) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 30s, [&] { return started.contains(number); }));
    return started[number];
  }
  run_end end(std::uint32_t number) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 30s, [&] { return ended.contains(number); }));
    return ended[number];
  }
  std::string said(std::uint32_t number, const char* stream = "stdout") const {
    return read_log_part(directory(number), stream, 0, 1U << 20).text;
  }

  scratch_directory place;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::uint32_t, pid_t> started;
  std::map<std::uint32_t, run_end> ended;
  std::unique_ptr<process_runner> it = std::make_unique<process_runner>(events(), log_limits{1U << 20, 5});
};

bool gone(pid_t process) {
  return ::kill(process, 0) != 0;
}

} // namespace

TEST_CASE("how a worker's process ended is told with its exit code or signal") {
  runner it;
  it.start(1, "exit 42");
  it.start(2, "kill -9 $$");
  it.start(3, "", "/no/such/program");
  CHECK(it.end(1).exit_code == 42);
  CHECK(it.end(1).reason == "exited with code 42");
  CHECK(it.end(2).exit_code == 137);
  CHECK(it.end(2).reason == "killed by signal 9 (Killed)");
  CHECK_FALSE(it.end(3).started);
  CHECK(it.end(3).reason == "/no/such/program could not be started: No such file or directory");
}

TEST_CASE("all that a process prints is in its logs when its end is told") {
  runner it;
  it.start(1, "seq 1 20000; echo oops >&2");
  CHECK(it.end(1).exit_code == 0);
  const auto text = it.said(1);
  CHECK(text.starts_with("1\n2\n"));
  CHECK(text.ends_with("19999\n20000\n"));
  CHECK(it.said(1, "stderr") == "oops\n");
}

TEST_CASE("a process has a session and a directory of its own, no way to more rights, and nothing of the worker's") {
  runner it;
  const int open = ::dup(0); // and so without close-on-exec
  it.start(1, "pwd; umask; ulimit -c; grep NoNewPrivs /proc/self/status | tr -d '[:blank:]'; "
              "for f in /proc/self/fd/*; do n=${f##*/}; test $n -le 3 -o ! -e $f || echo $f; done; "
              "test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo leads; env | grep -v -e PATH -e PWD -e SHLVL -e '^_='");
  it.end(1);
  ::close(open);
  CHECK(it.said(1) == it.directory(1).string() + "\n0077\n0\nNoNewPrivs:1\nleads\n");
}

TEST_CASE("a process is asked to end, and killed with its process group after the grace") {
  runner it;
  it.start(1, "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
  it.start(2, "trap '' TERM; sleep 100 & echo $!; wait; wait");
  it.process(1);
  it.process(2);
  for (int i = 0; i < 2000 && (it.said(1).empty() || it.said(2).empty()); ++i)
    ::usleep(10'000);
  it.it->kill(executor(1), 20s);
  CHECK(it.end(1).exit_code == 3);
  CHECK(it.said(1) == "ready\nasked\n");
  const auto child = static_cast<pid_t>(std::stol(it.said(2)));
  it.it->kill(executor(2), 10ms);
  CHECK(it.end(2).exit_code == 137);
  for (int i = 0; i < 2000 && !gone(child); ++i)
    ::usleep(10'000); // its new parent buries it
  CHECK(gone(child));
}

TEST_CASE("what a process leaves behind in its group ends with it, and does not hold up its burial") {
  runner it;
  it.start(1, "sleep 100 & echo $!");
  CHECK(it.end(1).exit_code == 0);
  const auto child = static_cast<pid_t>(std::stol(it.said(1)));
  for (int i = 0; i < 2000 && !gone(child); ++i)
    ::usleep(10'000);
  CHECK(gone(child));
}

TEST_CASE("a runner that ends kills what runs") {
  runner it;
  it.start(1, "trap '' TERM; while :; do sleep 1; done");
  const auto process = it.process(1);
  it.it.reset();
  CHECK(gone(process));
  CHECK(it.end(1).exit_code == 137);
}

TEST_CASE("processes die with the process that started them, however it dies") {
  scratch_directory place;
  const auto note = place.path() / "process";
  const pid_t worker = ::fork();
  if (worker == 0) {
    runner_events events{[&](const process_key&, pid_t process) { std::ofstream(note) << process << std::flush; }, [](const run_end&) {},
                         [](const std::string&) {}};
    process_runner it(events, {});
    it.start({executor(1), {"/bin/sh", {"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}, {}, place.path().string()}, place.path()});
    ::pause();
    ::_exit(0);
  }
  pid_t process = 0;
  for (int i = 0; i < 3000 && process == 0; ++i) {
    ::usleep(10'000);
    std::ifstream(note) >> process;
  }
  REQUIRE(process > 0);
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  const auto dead = [&] {
    std::ifstream status("/proc/" + std::to_string(process) + "/stat");
    std::string id;
    std::string name;
    std::string state;
    return !(status >> id >> name >> state) || state == "Z";
  };
  for (int i = 0; i < 3000 && !dead(); ++i)
    ::usleep(10'000);
  CHECK(dead());
}
