#include "harness/scene.hpp"

#include <algorithm>
#include <cstdio>

namespace chaos {

namespace fs = std::filesystem;

std::vector<fs::path> scene::application_directories() const {
  std::vector<fs::path> found;
  std::error_code gone;
  for (fs::directory_iterator at(local, gone), end; !gone && at != end; at.increment(gone))
    if (at->path().filename().string().starts_with("salamander-"))
      found.push_back(at->path());
  return found;
}

fs::path scene::application_directory() const {
  if (!driver)
    return {};
  const auto mine = "-" + std::to_string(driver->id()) + "-";
  for (const auto& one : application_directories())
    if (one.filename().string().find(mine) != std::string::npos)
      return one;
  return {};
}

std::optional<std::uint32_t> executor_number(pid_t process) {
  const auto orders = environment_of(process, "SALAMANDER_EXECUTOR_SPEC");
  unsigned number = 0;
  if (!orders || std::sscanf(fs::path(*orders).filename().c_str(), "executor-%u.spec", &number) != 1)
    return std::nullopt;
  return number;
}

namespace {

bool lives(const process& one) {
  return one.state != 'Z' && one.state != 'X';
}

} // namespace

std::vector<process> scene::keepers() const {
  std::vector<process> found;
  for (const auto& one : descendants())
    if (lives(one) && environment_of(one.id, "SALAMANDER_KEEPER"))
      found.push_back(one);
  return found;
}

std::vector<executor_process> scene::executors() const {
  std::vector<executor_process> found;
  for (const auto& one : descendants())
    if (lives(one))
      if (const auto number = executor_number(one.id))
        found.push_back({*number, one});
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  return found;
}

} // namespace chaos
