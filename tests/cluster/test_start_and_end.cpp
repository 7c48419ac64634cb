#include "driver_process.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace {

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
  driver_process program(how, where.path());
  const auto executors = program.executors();
  const int status = program.end();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == exit_code);
  CHECK(all_gone(executors));
  CHECK(nothing_left(where.path()));
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

TEST_CASE("an executor of another program is refused with both build ids") {
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

TEST_CASE("a recompiled copy of the same program is refused as an executor") {
  const scratch where;
  driver_process program("rebuilt", where.path());
  const auto text = program.line();
  CAPTURE(text);
  char driver[128] = "";
  char executor[128] = "";
  const auto told = text.find("driver has build-id ");
  REQUIRE(told != std::string::npos);
  CHECK(std::sscanf(text.c_str() + told, "driver has build-id %127s at %*s executor has build-id %127s", driver, executor) == 2);
  CHECK(std::string(driver) != executor);
  CHECK(text.find("/cluster_driver_rebuilt") != std::string::npos);
  const int status = program.end();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 5);
  CHECK(nothing_left(where.path()));
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
