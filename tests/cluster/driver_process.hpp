// A driver program in a process of its own, to be killed; see driver_program.cpp.
#pragma once

#include "cluster_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

class driver_process {
public:
  driver_process(const std::string& how, const fs::path& directory) {
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
    // A process group of its own, as a shell makes for a job: a test can send what a terminal would.
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    REQUIRE(::posix_spawn(&process_, program.c_str(), &actions, &attributes, arguments.data(), ::environ) == 0);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    output_ = out[0];
  }
  driver_process(const driver_process&) = delete;
  driver_process& operator=(const driver_process&) = delete;
  ~driver_process() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::close(output_);
  }

  pid_t process() const {
    return process_;
  }
  /// The next line that it prints; empty when it ends first.
  std::string line() const {
    std::string text;
    char next = 0;
    pollfd ready{output_, POLLIN, 0};
    while (::poll(&ready, 1, 30000) == 1 && ::read(output_, &next, 1) == 1 && next != '\n')
      text += next;
    return text;
  }
  /// Waits until it has run a job; returns its executors' processes.
  std::vector<std::int64_t> executors() const {
    std::vector<std::int64_t> all;
    const auto text = line();
    for (std::size_t at = 0; at < text.size(); at = text.find(' ', at) == std::string::npos ? text.size() : text.find(' ', at) + 1)
      all.push_back(std::atoll(text.c_str() + at));
    REQUIRE(all.size() == 2);
    return all;
  }
  /// The wait status of a driver that ends by itself in time.
  int end() {
    int status = 0;
    REQUIRE(eventually([&] { return ::waitpid(process_, &status, WNOHANG) == process_; }));
    return status;
  }

private:
  pid_t process_ = 0;
  int output_ = -1;
};

/// Dead, but perhaps not yet taken note of by whoever inherited them.
inline bool all_gone(const std::vector<std::int64_t>& processes) {
  return std::ranges::all_of(processes, [](std::int64_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    return !std::getline(file, text) || text.substr(text.rfind(')') + 1, 2) == " Z";
  });
}

/// Processes that were started with a path in this directory in their environment: executors and keepers of its applications.
inline std::vector<std::int64_t> processes_of(const fs::path& directory) {
  std::vector<std::int64_t> all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto process = std::atoll(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (process > 0 && text.find(directory.string() + "/salamander-") != std::string::npos)
      all.push_back(process);
  }
  return all;
}

/// The process that cleans up after this driver.
inline pid_t keeper_of(pid_t driver, const fs::path& directory) {
  for (const auto process : processes_of(directory)) {
    std::ifstream file("/proc/" + std::to_string(process) + "/cmdline", std::ios::binary);
    std::string name;
    std::string of;
    if (std::getline(file, name, '\0') && std::getline(file, of, '\0') && name == "salamander-keeper" && of == std::to_string(driver))
      return static_cast<pid_t>(process);
  }
  return 0;
}

/// Nothing of the application is left, neither processes nor files.
inline bool nothing_left(const fs::path& directory) {
  return fs::is_empty(directory) && processes_of(directory).empty();
}
