#include "stream_fixture.hpp"

#include "harness/processes.hpp"
#include "harness/program.hpp"
#include "harness/scene.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <functional>

namespace {

using namespace chaos;
using namespace chaos_test;

bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    ::usleep(2000);
  }
  return true;
}

bool is_descendant(pid_t process) {
  const auto all = descendants();
  return std::ranges::any_of(all, [process](const auto& one) { return one.id == process; });
}

char state_of(pid_t process) {
  for (const auto& one : descendants())
    if (one.id == process)
      return one.state;
  return '-';
}

} // namespace

TEST_CASE("a process whose parent died is still found, and can be buried") {
  adopt_orphans();
  const scratch where;
  // The shell starts a sleeper, says its number, and ends.
  const auto output = where / "number";
  program shell("/bin/sh", {"-c", "sleep 100 & echo $! > " + output}, {}, where / "errors");
  REQUIRE(eventually([&] { return shell.ended().has_value(); }));
  std::string number;
  REQUIRE(eventually([&] { return std::filesystem::exists(output) && std::filesystem::file_size(output) > 1; }));
  pid_t orphan = 0;
  {
    std::FILE* const file = std::fopen(output.c_str(), "r");
    REQUIRE(std::fscanf(file, "%d", &orphan) == 1);
    std::fclose(file);
  }
  CHECK(is_descendant(orphan));
  const process_handle handle(orphan);
  CHECK(handle.send(SIGSTOP));
  CHECK(eventually([&] { return state_of(orphan) == 'T'; }));
  CHECK(handle.send(SIGKILL));
  CHECK(eventually([&] {
    bury_orphans(0);
    return !is_descendant(orphan);
  }));
  CHECK_FALSE(handle.send(0));
}

TEST_CASE("a program's environment, limits and open files are seen from outside") {
  const scratch where;
  program sleeper("/bin/sleep", {"100"}, {"SALAMANDER_EXECUTOR_SPEC=/somewhere/executor-17.spec", "OTHER=x"}, where / "errors");
  REQUIRE(eventually([&] { return executor_number(sleeper.id()).has_value(); }));
  CHECK(executor_number(sleeper.id()) == 17U);
  CHECK(environment_of(sleeper.id(), "OTHER") == "x");
  CHECK_FALSE(environment_of(sleeper.id(), "THE"));
  CHECK(descriptors_of(sleeper.id()) == 3);
  CHECK(sleeper.handle().limit(RLIMIT_AS, 1 << 20));
  rlimit found{};
  REQUIRE(::prlimit(sleeper.id(), RLIMIT_AS, nullptr, &found) == 0);
  CHECK(found.rlim_cur == 1 << 20);
  sleeper.handle().send(SIGKILL);
  REQUIRE(eventually([&] { return sleeper.ended().has_value(); }));
  CHECK(describe_status(*sleeper.ended()) == "signal 9");
  CHECK_FALSE(executor_number(sleeper.id()));
}

TEST_CASE("the port on which a process listens is found") {
  const tcp_listener listener;
  CHECK(listening_port_of(::getpid()) == listener.port());
}

TEST_CASE("a program hears requests and is heard line by line") {
  const scratch where;
  program shell("/bin/sh", {"-c", "while read word rest; do echo begin 5; echo nonsense; echo oops >&2; done; exit 3"}, {},
                where / "errors");
  shell.ask({5, 1, "word_count"});
  std::vector<std::string> strange;
  std::vector<program_event> events;
  CHECK(eventually([&] {
    for (auto& one : shell.events(strange))
      events.push_back(std::move(one));
    return !strange.empty();
  }));
  CHECK(std::get<job_begun>(events.at(0)).number == 5);
  CHECK(strange == std::vector<std::string>{"nonsense"});
  std::vector<std::string> errors;
  CHECK(eventually([&] {
    errors = shell.error_lines();
    return !errors.empty();
  }));
  CHECK(errors == std::vector<std::string>{"oops"});
  CHECK_FALSE(shell.ended());
  shell.finish();
  REQUIRE(eventually([&] { return shell.ended().has_value(); }));
  CHECK(describe_status(*shell.ended()) == "exit code 3");
}
