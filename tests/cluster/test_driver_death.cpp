#include "driver_process.hpp"

#include <random>

namespace {

/// Nothing is left of a driver that was killed, soon enough for the next program on this machine not to notice.
void check_nothing_left(const fs::path& where) {
  const auto before = std::chrono::steady_clock::now();
  CHECK(eventually([&] { return nothing_left(where); }));
  MESSAGE("gone after " << std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - before).count()
                        << " ms");
}

} // namespace

TEST_CASE("nothing is left of a driver that is killed") {
  const scratch where;
  driver_process program("wait", where.path());
  const auto executors = program.executors();
  CHECK_FALSE(nothing_left(where.path()));
  ::kill(program.process(), SIGKILL);
  check_nothing_left(where.path());
  CHECK(eventually([&] { return all_gone(executors); }));
}

TEST_CASE("nothing is left of a killed driver whose executors were stopped") {
  const scratch where;
  driver_process program("wait", where.path());
  const auto executors = program.executors();
  for (const auto one : executors)
    ::kill(static_cast<pid_t>(one), SIGSTOP);
  ::kill(program.process(), SIGKILL);
  check_nothing_left(where.path());
  CHECK(eventually([&] { return all_gone(executors); }));
}

TEST_CASE("nothing is left of a driver that is killed while it starts, at whatever moment") {
  std::mt19937 random(20);
  for (int round = 0; round < 12; ++round) {
    CAPTURE(round);
    const scratch where;
    driver_process program("wait", where.path());
    if (round % 2 == 0) // as soon as there is a directory, else at any time
      eventually([&] { return !fs::is_empty(where.path()); });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % (round < 6 ? 20000 : 300000)));
    ::kill(program.process(), SIGKILL);
    CHECK(eventually([&] { return nothing_left(where.path()); }));
  }
}

TEST_CASE("nothing is left of a driver that is interrupted at the terminal") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    CAPTURE(signal);
    const scratch where;
    driver_process program("wait", where.path());
    const auto executors = program.executors();
    ::kill(-program.process(), signal);
    const int status = program.end();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == signal);
    check_nothing_left(where.path());
    CHECK(eventually([&] { return all_gone(executors); }));
  }
}

TEST_CASE("nothing is left of a killed driver that had forked a child of its own") {
  const scratch where;
  driver_process program("fork", where.path());
  const auto executors = program.executors();
  const auto forked = std::atoll(program.line().c_str());
  REQUIRE(process_exists(forked));
  ::kill(program.process(), SIGKILL);
  check_nothing_left(where.path());
  CHECK(eventually([&] { return all_gone(executors); }));
  CHECK(process_exists(forked)); // the child has copies of the driver's descriptors and still nothing waited for it
  ::kill(static_cast<pid_t>(forked), SIGKILL);
}

TEST_CASE("a driver that was stopped for longer than its executors wait finds others, and blames no task for it") {
  const scratch where;
  driver_process program("long task", where.path());
  const auto executors = program.executors();
  for (int i = 0; i < 4; ++i) {                                  // as often as one task may fail
    std::this_thread::sleep_for(std::chrono::milliseconds(600)); // the task has begun
    ::kill(program.process(), SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(2600)); // twice the dead timeout, and two looks at the clock
    ::kill(program.process(), SIGCONT);
  }
  const int status = program.end();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(all_gone(executors));
  CHECK(nothing_left(where.path()));
}

TEST_CASE("the keeper ignores what a terminal or a service manager sends, and ends with its driver") {
  const scratch where;
  driver_process program("wait", where.path());
  program.executors();
  const auto keeper = keeper_of(program.process(), where.path());
  REQUIRE(keeper > 0);
  CHECK(::getsid(keeper) == keeper);
  for (const int signal : {SIGINT, SIGHUP, SIGTERM, SIGQUIT})
    ::kill(keeper, signal);
  ::kill(program.process(), SIGKILL);
  check_nothing_left(where.path());
  CHECK(eventually([&] { return all_gone({keeper}); }));
}

TEST_CASE("a driver whose keeper is killed goes on and cleans up itself") {
  const scratch where;
  driver_process program("slow stop", where.path());
  program.executors();
  const auto keeper = keeper_of(program.process(), where.path());
  REQUIRE(keeper > 0);
  ::kill(keeper, SIGKILL);
  const int status = program.end();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(nothing_left(where.path()));
}

TEST_CASE("when the keeper is killed with its driver, the next start removes the directory") {
  const scratch where;
  {
    driver_process program("wait", where.path());
    const auto executors = program.executors();
    const auto keeper = keeper_of(program.process(), where.path());
    REQUIRE(keeper > 0);
    ::kill(keeper, SIGKILL);
    ::kill(program.process(), SIGKILL);
    CHECK(eventually([&] { return all_gone(executors); }));
    program.end();
  }
  CHECK_FALSE(fs::is_empty(where.path()));
  sal::context sc(cluster_config("local-cluster[1,1,256]").set("salamander.local.dir", where.path().string()));
  CHECK(std::distance(fs::directory_iterator(where.path()), {}) == 1);
  sc.stop();
  CHECK(nothing_left(where.path()));
}
