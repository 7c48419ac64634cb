#include "jobs/saved_output.hpp"

#include "random.hpp"

#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

namespace chaos {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t saved_records = 12000;

std::string part_name(std::uint32_t partition) {
  char name[16];
  std::snprintf(name, sizeof name, "part-%05u", partition);
  return name;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string right_part(std::int64_t seed, std::uint32_t partition) {
  std::string text;
  for (auto x = saved_records * partition / saved_partitions; x < saved_records * (partition + 1) / saved_partitions; ++x)
    text += saved_line(seed, x) + "\n";
  return text;
}

std::set<std::string> names_in(const fs::path& directory) {
  std::set<std::string> names;
  std::error_code gone;
  for (fs::directory_iterator at(directory, gone), end; !gone && at != end; at.increment(gone))
    names.insert(at->path().filename().string());
  return names;
}

std::string check_part(const fs::path& directory, std::int64_t seed, std::uint32_t partition) {
  const auto found = read_file(directory / part_name(partition));
  const auto right = right_part(seed, partition);
  if (found == right)
    return {};
  return (directory / part_name(partition)).string() + " has wrong contents: " + std::to_string(found.size()) + " bytes, not the " +
         std::to_string(right.size()) + " that belong there";
}

} // namespace

std::string saved_line(std::int64_t seed, std::int64_t x) {
  random_source random(static_cast<std::uint64_t>(seed) * 0x10001 + static_cast<std::uint64_t>(x));
  return std::to_string(x) + " " + std::string(20 + random.below(80), static_cast<char>('a' + random.below(26)));
}

fs::path saved_path(const fs::path& output, std::uint32_t job) {
  return output / ("saved-" + std::to_string(job));
}

std::string check_saved(const fs::path& directory, std::int64_t seed) {
  std::set<std::string> expected{"_SUCCESS"};
  for (std::uint32_t p = 0; p < saved_partitions; ++p)
    expected.insert(part_name(p));
  const auto found = names_in(directory);
  for (const auto& name : expected)
    if (!found.contains(name))
      return directory.string() + " lacks " + name;
  for (const auto& name : found)
    if (!expected.contains(name))
      return directory.string() + " holds " + name + " too";
  for (std::uint32_t p = 0; p < saved_partitions; ++p)
    if (auto problem = check_part(directory, seed, p); !problem.empty())
      return problem;
  return {};
}

std::string check_not_saved(const fs::path& directory) {
  std::error_code failed;
  if (!fs::exists(fs::symlink_status(directory, failed)))
    return {};
  std::string text = directory.string() + " is still there after its job failed, with";
  for (const auto& name : names_in(directory))
    text += " " + name;
  return text;
}

std::string check_abandoned(const fs::path& directory, std::int64_t seed) {
  const auto found = names_in(directory);
  if (found.contains("_SUCCESS") && !found.contains("_temporary"))
    return check_saved(directory, seed);
  for (std::uint32_t p = 0; p < saved_partitions; ++p) {
    if (found.contains(part_name(p))) {
      if (auto problem = check_part(directory, seed, p); !problem.empty())
        return problem;
    } else if (found.contains("_SUCCESS")) {
      return directory.string() + " has a _SUCCESS and lacks " + part_name(p);
    }
  }
  return {};
}

} // namespace chaos
