#include "fixture.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    all.push_back(line);
  return all;
}

std::vector<std::string> outcome::lines() const {
  return split_lines(output);
}

std::vector<double> outcome::numbers(std::size_t line) const {
  std::vector<double> all;
  std::istringstream in(lines().at(line));
  for (double value = 0; in >> value;)
    all.push_back(value);
  return all;
}

outcome workplace::run(const std::string& application, const std::vector<std::string>& arguments, const std::string& input) const {
  const auto in = file("stdin", input);
  const auto out = *this / "stdout";
  const auto err = *this / "stderr";
  const std::string program = std::string(SALAMANDER_APPS) + "/" + application;
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& one : arguments)
    argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t process = 0;
  const int failed = ::posix_spawn(&process, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  REQUIRE_MESSAGE(failed == 0, program);
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content_of(out), content_of(err)};
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string parts_of(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().filename().string().starts_with("part-"))
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  std::string all;
  for (const auto& file : files)
    all += content_of(file);
  return all;
}

std::string json_field(const std::string& line, const std::string& name) {
  const auto key = "\"" + name + "\": ";
  const auto at = line.find(key);
  if (at == std::string::npos)
    return {};
  const auto begin = at + key.size();
  return line.substr(begin, line.find_first_of(",}", begin) - begin);
}
