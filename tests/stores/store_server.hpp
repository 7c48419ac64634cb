// The server of store_server.py, for as long as a test runs.
#pragma once

#include "../support/scratch.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

/// Serves a directory that goes with it, and sets the environment by which stores are found and users known.
class store_server {
public:
  explicit store_server(const std::vector<std::string>& options = {}) {
    start(options);
    ::setenv("AWS_ENDPOINT_URL", (url() + "/s3").c_str(), 1);
    ::setenv("AWS_REGION", "eu-test-1", 1);
    ::setenv("AWS_ACCESS_KEY_ID", "AKIDTEST", 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", secret_key, 1);
    ::setenv("AWS_SESSION_TOKEN", session_token, 1);
    ::setenv("HADOOP_USER_NAME", "alice", 1);
  }
  store_server(const store_server&) = delete;
  store_server& operator=(const store_server&) = delete;
  ~store_server() {
    ::close(input_);
    ::waitpid(process_, nullptr, 0);
  }

  static constexpr const char* secret_key = "the/secret+key";
  static constexpr const char* session_token = "the/session+token=";

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
  }
  std::string webhdfs() const {
    return "webhdfs://127.0.0.1:" + std::to_string(port_);
  }
  std::string address() const {
    return "127.0.0.1:" + std::to_string(port_);
  }
  /// Of what is served: plain/a, s3/bucket/key, hdfs/path.
  std::filesystem::path operator/(const std::string& name) const {
    return root_ / name;
  }
  void put(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((root_.path() / name).parent_path());
    root_.file(name, content);
  }
  /// Requests so far, a line each: status, method, path and query, range.
  std::vector<std::string> requests() const {
    std::vector<std::string> lines;
    std::ifstream in(root_ / "log");
    for (std::string line; std::getline(in, line);)
      lines.push_back(line);
    return lines;
  }

private:
  void start(const std::vector<std::string>& options) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    std::vector<std::string> words{"python3", STORE_SERVER, root_.path().string()};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    for (auto& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    REQUIRE(::posix_spawnp(&process_, "python3", &actions, nullptr, arguments.data(), ::environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    std::string text;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';)
      text += c;
    ::close(out[0]);
    REQUIRE_FALSE(text.empty());
    port_ = std::stoi(text);
  }

  const test_support::scratch root_;
  pid_t process_ = 0;
  int input_ = -1;
  int port_ = 0;
};
