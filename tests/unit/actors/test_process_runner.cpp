#include "../../support/scratch.hpp"

#include <salamander/actors/child_process.hpp>
#include <salamander/actors/cluster/process_runner.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>

using namespace salamander::actors;
using namespace std::chrono_literals;
using salamander::scheduler::cluster::process_key;
using test_support::scratch;

namespace {

process_key executor(std::uint32_t number) {
  return {false, "app-1", number, 7};
}

/// False when nothing has come for a long time.
bool readable(const descriptor& file) {
  pollfd asked{file.get(), POLLIN, 0};
  return ::poll(&asked, 1, 30'000) == 1;
}

/// The next line from a pipe. Its writer writes lines at once.
std::string line_from(const descriptor& pipe) {
  char text[64];
  REQUIRE(readable(pipe));
  const auto size = ::read(pipe.get(), text, sizeof text);
  REQUIRE(size > 0);
  return {text, static_cast<std::size_t>(size - 1)};
}

/// Any process, a child of this one or not. One that is not there any more has ended.
class watched_process {
public:
  explicit watched_process(pid_t process) : handle_(static_cast<int>(::syscall(SYS_pidfd_open, process, 0U))) {
    REQUIRE((handle_.get() >= 0 || errno == ESRCH));
  }
  /// Waits for its end, which is before its burial by whoever is its parent then.
  bool ends() const {
    return handle_.get() < 0 || readable(handle_);
  }

private:
  descriptor handle_;
};

/// A runner of shell scripts, each in a directory of its own with a pipe named "told".
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
    const auto pipe = directory(number) / "told";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    told[number] = descriptor(::open(pipe.c_str(), O_RDWR | O_CLOEXEC)); // as a writer, too: nobody waits for the other to open it
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

  /// The line that a script writes to its pipe; waits for it.
  std::string hear(std::uint32_t number) const {
    return line_from(told.at(number));
  }

  scratch place;
  std::map<std::uint32_t, descriptor> told;
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
  it.start(1, "trap 'echo asked; exit 3' TERM; sleep 100 & echo ready; echo ready >told; wait");
  it.start(2, "trap '' TERM; sleep 100 & echo $! >told; wait");
  CHECK(it.hear(1) == "ready");
  const watched_process child(std::stoi(it.hear(2)));
  it.it->kill(executor(1), 20s);
  CHECK(it.end(1).exit_code == 3);
  CHECK(it.said(1) == "ready\nasked\n");
  it.it->kill(executor(2), 10ms);
  CHECK(it.end(2).exit_code == 137);
  CHECK(child.ends());
}

TEST_CASE("what a process leaves behind in its group ends with it, and does not hold up its burial") {
  runner it;
  it.start(1, "sleep 100 & echo $! >told");
  const watched_process child(std::stoi(it.hear(1)));
  CHECK(it.end(1).exit_code == 0);
  CHECK(child.ends());
}

TEST_CASE("a runner that ends kills what runs") {
  runner it;
  it.start(1, "trap '' TERM; exec sleep 100");
  const auto process = it.process(1);
  it.it.reset();
  CHECK(gone(process));
  CHECK(it.end(1).exit_code == 137);
}

TEST_CASE("processes die with the process that started them, however it dies") {
  scratch place;
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  const descriptor told(pipe[0]);
  descriptor tells(pipe[1]);
  const pid_t worker = ::fork();
  if (worker == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto tell = [&](const process_key&, pid_t process) {
      const auto line = std::to_string(process) + "\n";
      static_cast<void>(!::write(tells.get(), line.data(), line.size()));
    };
    process_runner it({tell, [](const run_end&) {}, [](const std::string&) {}}, {});
    it.start({executor(1), {"/bin/sh", {"sh", "-c", "trap '' TERM; exec sleep 100"}, {}, place.path().string()}, place.path()});
    ::pause();
    ::_exit(0);
  }
  tells.close();
  const watched_process process(std::stoi(line_from(told)));
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  CHECK(process.ends());
}
