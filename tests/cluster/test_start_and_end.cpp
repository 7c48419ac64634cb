#include "cluster_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>

namespace {

/// A driver program in a process of its own; see driver_program.cpp.
class driver {
public:
  driver(const std::string& how, const fs::path& directory) {
    int out[2];
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    const auto program = fs::canonical("/proc/self/exe").parent_path() / "cluster_driver";
    std::vector<std::string> texts{program.string(), how, directory.string()};
    std::vector<char*> arguments{texts[0].data(), texts[1].data(), texts[2].data(), nullptr};
    // Whoever runs the tests in the background may have had SIGINT ignored, and that is inherited.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t ends;
    ::sigemptyset(&ends);
    ::sigaddset(&ends, SIGINT);
    ::posix_spawnattr_setsigdefault(&attributes, &ends);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    REQUIRE(::posix_spawn(&process_, program.c_str(), &actions, &attributes, arguments.data(), ::environ) == 0);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    output_ = out[0];
    read_processes();
  }
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;
  ~driver() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::close(output_);
  }
  pid_t process() const {
    return process_;
  }
  const std::vector<std::int64_t>& executors() const {
    return executors_;
  }
  /// The wait status of a driver that ends by itself in time.
  int end() {
    int status = 0;
    REQUIRE(eventually([&] { return ::waitpid(process_, &status, WNOHANG) == process_; }));
    return status;
  }

private:
  /// One line: the executors' process ids.
  void read_processes() {
    std::string line;
    char next = 0;
    pollfd ready{output_, POLLIN, 0};
    while (::poll(&ready, 1, 30000) == 1 && ::read(output_, &next, 1) == 1 && next != '\n')
      line += next;
    for (std::size_t at = 0; at < line.size(); at = line.find(' ', at) == std::string::npos ? line.size() : line.find(' ', at) + 1)
      executors_.push_back(std::atoll(line.c_str() + at));
    REQUIRE(executors_.size() == 2);
  }

  pid_t process_ = 0;
  int output_ = -1;
  std::vector<std::int64_t> executors_;
};

bool all_gone(const std::vector<std::int64_t>& processes) {
  return std::ranges::none_of(processes, process_exists);
}

/// Sockets that this process has open.
std::set<std::string> socket_inodes() {
  std::set<std::string> all;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = fs::read_symlink(entry.path(), gone).string();
    if (target.starts_with("socket:["))
      all.insert(target.substr(8, target.size() - 9));
  }
  return all;
}

/// The TCP port on which a socket listens, and only on 127.0.0.1; 0 if it does not listen.
std::uint16_t listening_port(const std::string& inode) {
  std::ifstream table("/proc/net/tcp");
  for (std::string line; std::getline(table, line);) {
    unsigned address = 0;
    unsigned port = 0;
    unsigned state = 0;
    char number[32] = "";
    if (std::sscanf(line.c_str(), " %*d: %x:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %*d %*d %31s", &address, &port, &state, number) == 4 &&
        state == 0x0a && inode == number) {
      CHECK(address == htonl(INADDR_LOOPBACK));
      return static_cast<std::uint16_t>(port);
    }
  }
  return 0;
}

void talk_to(std::uint16_t port, std::string_view words) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  CHECK(::send(fd, words.data(), words.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(words.size()));
  pollfd answer{fd, POLLIN, 0};
  if (!words.empty())
    ::poll(&answer, 1, 1000);
  ::close(fd);
}

void check_clean_end(const std::string& how, int exit_code) {
  CAPTURE(how);
  const scratch where;
  driver program(how, where.path());
  const int status = program.end();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == exit_code);
  CHECK(all_gone(program.executors()));
  CHECK(fs::is_empty(where.path()));
}

} // namespace

TEST_CASE("a driver that stops its context leaves nothing behind") {
  check_clean_end("stop", 0);
}

TEST_CASE("a driver that calls exit with a live context leaves nothing behind") {
  check_clean_end("exit", 7);
}

TEST_CASE("a driver that never destroys its context leaves nothing behind") {
  check_clean_end("leak", 3);
}

TEST_CASE("a driver whose context is a static object leaves nothing behind") {
  check_clean_end("static", 0);
}

TEST_CASE("no executor survives a driver that is killed, and the next start removes its directory") {
  const scratch where;
  {
    driver program("wait", where.path());
    ::kill(program.process(), SIGKILL);
    CHECK(eventually([&] { return all_gone(program.executors()); }));
    program.end();
  }
  CHECK_FALSE(fs::is_empty(where.path()));
  sal::context sc(cluster_config("local-cluster[1,1,256]").set("salamander.local.dir", where.path().string()));
  CHECK(std::distance(fs::directory_iterator(where.path()), {}) == 1);
  sc.stop();
  CHECK(fs::is_empty(where.path()));
}

TEST_CASE("no executor survives a driver that is interrupted") {
  const scratch where;
  driver program("wait", where.path());
  ::kill(program.process(), SIGINT);
  const int status = program.end();
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
  CHECK(eventually([&] { return all_gone(program.executors()); }));
}

TEST_CASE("an executor of another build is refused with both build ids") {
  const auto other = fs::canonical("/proc/self/exe").parent_path() / "cluster_driver";
  try {
    const sal::context sc(cluster_config("local-cluster[2,1,256]").set("salamander.testing.executorBinary", other.string()));
    FAIL("the context started");
  } catch (const sal::error& failure) {
    const std::string text = failure.what();
    CAPTURE(text);
    CHECK(failure.code() == sal::errc::build_mismatch);
    CHECK(text.find(other.string()) != std::string::npos);
    CHECK(text.find("driver has build-id ") != std::string::npos);
    CHECK(text.find("executor has build-id ") != std::string::npos);
  }
}

TEST_CASE("strangers who cannot present a certificate disturb nobody") {
  sal::context sc(cluster_config("local-cluster[2,1,256]"));
  std::vector<std::uint16_t> ports;
  for (const auto& inode : socket_inodes())
    if (const auto port = listening_port(inode); port != 0)
      ports.push_back(port);
  REQUIRE(ports.size() == 1);
  for (const char* const words : {"GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\x02\x00\x01 not really", ""})
    for (int i = 0; i < 20; ++i)
      talk_to(ports[0], words);
  CHECK(sc.range(0, 100, 1, 8).count() == 100);
  CHECK(sc.executors().size() == 2);
  CHECK(alive(sc) == 2);
}

TEST_CASE("a program that cannot be started as an executor is an error, not a hang") {
  for (const char* program : {"/bin/false", "/no/such/program"}) {
    CAPTURE(program);
    try {
      const sal::context sc(cluster_config("local-cluster[1,1,256]").set("salamander.testing.executorBinary", program));
      FAIL("the context started");
    } catch (const sal::error& failure) {
      CHECK(failure.code() == sal::errc::no_executors);
      CHECK(std::string(failure.what()).find(program[1] == 'b' ? "exited with code 1" : "No such file") != std::string::npos);
    }
  }
}

TEST_CASE("environment variables of the configuration reach the tasks") {
  sal::context sc(cluster_config("local-cluster[1,1,256]").set("salamander.executorEnv.SALAMANDER_TEST_COLOUR", "yellow and black"));
  const auto found = sc.range(0, 1, 1, 1)
                         .map([](std::int64_t) {
                           const char* value = std::getenv("SALAMANDER_TEST_COLOUR");
                           return std::string(value ? value : "");
                         })
                         .collect();
  CHECK(found == std::vector<std::string>{"yellow and black"});
}

TEST_CASE("the application's directory and its files are readable by their user alone") {
  const scratch where;
  sal::context sc(cluster_config("local-cluster[2,1,256]").set("salamander.local.dir", where.path().string()));
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(where.path())) {
    CAPTURE(entry.path().string());
    const auto mode = entry.status().permissions();
    if (!entry.is_socket())
      CHECK((mode & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none);
    ++files;
  }
  CHECK(files > 5);
}

TEST_CASE("a running job fails when the context is stopped") {
  const scratch where;
  sal::context sc(cluster_config("local-cluster[1,1,256]"));
  where.hold("task", 0);
  auto job = std::async(std::launch::async, [&] { return marked(sc.range(0, 10, 1, 1), where, "task").count(); });
  where.wait_for_run("task", 0);
  sc.stop();
  try {
    job.get();
    FAIL("the job succeeded");
  } catch (const sal::error& failure) {
    CHECK(failure.code() == sal::errc::context_stopped);
    CHECK(std::string(failure.what()).find("cancelled because the context was shut down") != std::string::npos);
  }
}

TEST_CASE("results too large for a message arrive whole and in order") {
  sal::context sc(cluster_config("local-cluster[2,2,512]"));
  const auto all = sc.range(0, 1000000, 1, 8).collect();
  REQUIRE(all.size() == 1000000);
  bool in_order = true;
  for (std::size_t i = 0; i < all.size(); ++i)
    in_order = in_order && all[i] == static_cast<std::int64_t>(i);
  CHECK(in_order);
}

TEST_CASE("a plan too large for a message reaches the executors") {
  sal::context sc(cluster_config("local-cluster[2,1,512]"));
  const std::vector<std::int64_t> table(100000, 3);
  const auto sum =
      sc.range(0, 1000, 1, 4)
          .map(sal::bind_front([](const std::vector<std::int64_t>& values, std::int64_t x) { return values[static_cast<std::size_t>(x)]; },
                               table))
          .sum();
  CHECK(sum == 3000);
}
