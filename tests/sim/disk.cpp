#include "disk.hpp"

namespace salamander::sim {

bool output_disk::create(const std::string& path, const std::string& file) {
  const auto at = directories_.find(path);
  return at != directories_.end() && at->second.open && at->second.attempts.try_emplace(file).second;
}

void output_disk::write(const std::string& path, const std::string& file, const records& what) {
  if (const auto at = directories_.find(path); at != directories_.end())
    if (const auto open = at->second.attempts.find(file); open != at->second.attempts.end())
      open->second.insert(open->second.end(), what.begin(), what.end());
}

void output_disk::remove(const std::string& path, const std::string& file) {
  if (const auto at = directories_.find(path); at != directories_.end())
    at->second.attempts.erase(file);
}

void output_disk::begin(const std::string& path) {
  directories_[path].open = true;
}

bool output_disk::commit(const std::string& path, const std::vector<std::pair<std::uint32_t, std::string>>& parts) {
  auto& here = directories_[path];
  for (const auto& [partition, file] : parts) {
    const auto attempt = here.attempts.find(file);
    if (attempt == here.attempts.end())
      return false;
    here.parts[partition] = std::move(attempt->second);
    ++here.renames;
    here.attempts.erase(attempt);
  }
  here.attempts.clear();
  here.open = false;
  here.success = true;
  return true;
}

void output_disk::abandon(const std::string& path) {
  directories_.erase(path);
}

const output_disk::directory* output_disk::find(const std::string& path) const {
  const auto at = directories_.find(path);
  return at == directories_.end() ? nullptr : &at->second;
}

std::size_t output_disk::attempt_files() const {
  std::size_t count = 0;
  for (const auto& [path, here] : directories_)
    count += here.attempts.size();
  return count;
}

} // namespace salamander::sim
