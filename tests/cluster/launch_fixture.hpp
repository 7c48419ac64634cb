// A directory, and if wanted a cluster of real processes on the loopback device, for programs to be launched in.
#pragma once

#include "../support/scratch.hpp"

#include <salamander/actors/child_process.hpp>
#include <salamander/salamander.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace launch_test {

namespace sal = salamander;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test_support::scratch;

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Far longer than anything takes on a busy machine.
inline bool comes_true(const std::function<bool()>& holds, std::chrono::seconds limit = 60s) {
  for (const auto end = std::chrono::steady_clock::now() + limit; !holds(); std::this_thread::sleep_for(10ms))
    if (std::chrono::steady_clock::now() > end)
      return false;
  return true;
}

/// The code of the error that f throws; internal when it throws none.
inline sal::errc code_of(const std::function<void()>& f, std::string* text = nullptr) {
  try {
    f();
  } catch (const sal::error& failure) {
    if (text)
      *text = failure.what();
    return failure.code();
  }
  return sal::errc::internal;
}

inline std::string launched_program() {
  return (fs::canonical("/proc/self/exe").parent_path() / "cluster_launched").string();
}

inline sal::launcher launcher_of(const std::vector<std::string>& arguments) {
  sal::launcher made;
  made.set_application(launched_program()).add_arguments(arguments).set_master("local[2]");
  return made;
}

/// Of the command line tool; killed with this object.
class tool_process {
public:
  tool_process(std::vector<std::string> arguments, const fs::path& log, std::vector<std::string> environment = {}) {
    const salamander::actors::descriptor out =
        salamander::actors::moved_up(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    salamander::actors::child_order order;
    order.program = SALAMANDER_TOOL;
    order.arguments = std::move(arguments);
    order.arguments.insert(order.arguments.begin(), "salamander");
    order.environment = std::move(environment);
    order.own_session = true;
    order.output = order.errors = out.get();
    auto [child, failure] = salamander::actors::start_child(std::move(order));
    REQUIRE(failure == 0);
    child_ = std::move(child);
  }
  tool_process(const tool_process&) = delete;
  tool_process& operator=(const tool_process&) = delete;
  ~tool_process() {
    end(SIGKILL);
  }
  /// Its exit code; -1: a signal ended it.
  int end(int signal) {
    if (child_.process == 0)
      return -1;
    if (signal != 0)
      ::kill(child_.process, signal);
    int status = 0;
    ::waitpid(std::exchange(child_.process, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  /// Whether it has ended by itself.
  bool ended() const {
    siginfo_t what{};
    return child_.process == 0 ||
           (::waitid(P_PID, static_cast<id_t>(child_.process), &what, WEXITED | WNOHANG | WNOWAIT) == 0 && what.si_pid != 0);
  }

private:
  salamander::actors::started_child child_;
};

/// Of the master that wrote this into its ready file.
inline std::string url_in(const std::string& text) {
  const auto begin = text.find("salamander://");
  return text.substr(begin, text.find(',', begin) - begin);
}

/// One master and one worker.
class small_cluster {
public:
  small_cluster() {
    REQUIRE(tool_process({"keygen", keys().string()}, log("keygen")).end(0) == 0);
    start_master("0");
    worker.emplace(std::vector<std::string>{"worker", url, "--cores", "4", "--memory", "4g", "--work-dir", (here.path() / "work").string(),
                                            "--credentials", (keys() / "node").string(), "--ready-file", (here.path() / "worker").string()},
                   log("worker.log"));
    REQUIRE(comes_true([&] { return fs::exists(here.path() / "worker"); }));
  }
  ~small_cluster() {
    if (worker)
      worker->end(SIGTERM); // its processes end with it
  }
  fs::path keys() const {
    return here.path() / "keys";
  }
  fs::path log(const std::string& name) const {
    return here.path() / name;
  }
  /// Begins, or begins again at the same port.
  void start_master(const std::string& port) {
    const auto ready = here.path() / "master";
    fs::remove(ready);
    master.emplace(std::vector<std::string>{"master", "--port", port, "--credentials", (keys() / "node").string(), "--recovery-dir",
                                            (here.path() / "recovery").string(), "--ready-file", ready.string()},
                   log("master.log"));
    REQUIRE(comes_true([&] { return read_file(ready).find("leading") != std::string::npos; }));
    url = url_in(read_file(ready));
  }
  /// What the tool prints when it asks the cluster.
  std::string ask(std::vector<std::string> words) const {
    words.insert(words.begin() + 1, {"--master", url, "--credentials", (keys() / "client").string()});
    scratch own;
    tool_process(std::move(words), own.path() / "said").end(0);
    return read_file(own.path() / "said");
  }
  sal::launcher launcher_here(const std::vector<std::string>& arguments, sal::deploy_mode mode) const {
    auto made = launcher_of(arguments);
    made.set_master(url).set_credentials((keys() / "client").string()).set_deploy_mode(mode);
    made.set_conf("salamander.executor.memory", "512m").set_conf("salamander.cores.max", "2").set_driver_resources(1, 256U << 20);
    return made;
  }

  scratch here;
  std::string url;
  std::optional<tool_process> master;
  std::optional<tool_process> worker;
};

} // namespace launch_test
