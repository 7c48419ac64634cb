#include <salamander/scheduler/map_output_table.hpp>

#include <salamander/rdd/probes.hpp>

#include <algorithm>

namespace salamander::scheduler {

void map_output_table::declare(shuffle_id shuffle, std::uint32_t partitions, std::vector<shuffle_id> made_from) {
  auto [it, fresh] = shuffles_.try_emplace(shuffle);
  if (fresh) {
    it->second.where.assign(partitions, no_executor);
    it->second.by.assign(partitions, task_id{});
    it->second.made_from = std::move(made_from);
  }
}

const map_output_table::outputs* map_output_table::find(shuffle_id shuffle) const {
  const auto it = shuffles_.find(shuffle);
  return it == shuffles_.end() ? nullptr : &it->second;
}

map_output_table::outcome map_output_table::add(shuffle_id shuffle, std::uint32_t partition, executor_id executor, task_id task,
                                                std::uint64_t fingerprint) {
  const auto it = shuffles_.find(shuffle);
  const bool known = it != shuffles_.end() && partition < it->second.where.size();
  if (!known || it->second.where[partition] != no_executor)
    return outcome::refused;
  auto& held = it->second;
  ++held.registered;
  held.where[partition] = executor;
  held.by[partition] = task;
  if (fingerprint == 0)
    return outcome::registered;
  if (held.fingerprints.empty())
    held.fingerprints.resize(held.where.size());
  const auto before = std::exchange(held.fingerprints[partition], fingerprint);
  const bool differs = before != 0 && before != fingerprint && !core::planted(core::defect::contents_not_compared);
  return held.read && differs ? outcome::differs : outcome::registered;
}

void map_output_table::keep(shuffle_id shuffle, std::uint32_t partition) {
  const auto it = shuffles_.find(shuffle);
  if (it == shuffles_.end() || partition >= it->second.where.size() || it->second.where[partition] == no_executor)
    return;
  it->second.kept.resize(it->second.where.size());
  it->second.kept[partition] = true;
}

void map_output_table::mark_read(shuffle_id shuffle) {
  if (const auto it = shuffles_.find(shuffle); it != shuffles_.end())
    it->second.read = true;
}

bool map_output_table::was_read(shuffle_id shuffle) const {
  const auto* found = find(shuffle);
  return found && found->read;
}

void map_output_table::forget_readers(shuffle_id shuffle) {
  if (const auto it = shuffles_.find(shuffle); it != shuffles_.end())
    it->second.read = false;
}

std::vector<shuffle_id> map_output_table::made_from(shuffle_id shuffle) const {
  std::vector<shuffle_id> found{shuffle};
  for (std::size_t next = 0; next < found.size(); ++next)
    for (const auto& [id, held] : shuffles_)
      if (std::find(held.made_from.begin(), held.made_from.end(), found[next]) != held.made_from.end() &&
          std::find(found.begin(), found.end(), id) == found.end())
        found.push_back(id);
  found.erase(found.begin());
  return found;
}

std::size_t map_output_table::remove_all(shuffle_id shuffle) {
  const auto it = shuffles_.find(shuffle);
  if (it == shuffles_.end())
    return 0;
  auto& held = it->second;
  std::fill(held.where.begin(), held.where.end(), no_executor);
  std::fill(held.by.begin(), held.by.end(), task_id{});
  held.kept.clear();
  return std::exchange(held.registered, 0);
}

bool map_output_table::remove(shuffle_id shuffle, std::uint32_t partition, executor_id executor) {
  const auto it = shuffles_.find(shuffle);
  if (executor == no_executor || it == shuffles_.end() || partition >= it->second.where.size() || it->second.where[partition] != executor)
    return false;
  it->second.by[partition] = task_id{};
  if (!it->second.kept.empty() && it->second.kept[partition]) {
    it->second.kept[partition] = executor != kept_files;
    if (executor != kept_files) {
      it->second.where[partition] = kept_files;
      return false;
    }
  }
  it->second.where[partition] = no_executor;
  --it->second.registered;
  return true;
}

std::vector<std::pair<shuffle_id, std::vector<std::uint32_t>>> map_output_table::remove_executor(executor_id executor) {
  std::vector<std::pair<shuffle_id, std::vector<std::uint32_t>>> removed;
  for (auto& [shuffle, held] : shuffles_) {
    std::vector<std::uint32_t> gone;
    for (std::uint32_t p = 0; p < held.where.size(); ++p)
      if (remove(shuffle, p, executor))
        gone.push_back(p);
    if (!gone.empty())
      removed.emplace_back(shuffle, std::move(gone));
  }
  return removed;
}

bool map_output_table::relocate(shuffle_id shuffle, std::uint32_t partition, executor_id from, executor_id to, task_id task) {
  const auto it = shuffles_.find(shuffle);
  if (it == shuffles_.end() || partition >= it->second.where.size() || it->second.where[partition] != from ||
      it->second.by[partition] != task)
    return false;
  it->second.where[partition] = to;
  return true;
}

std::vector<std::pair<shuffle_id, std::uint32_t>> map_output_table::held_by(executor_id executor) const {
  std::vector<std::pair<shuffle_id, std::uint32_t>> found;
  for (const auto& [shuffle, held] : shuffles_)
    for (std::uint32_t p = 0; p < held.where.size(); ++p)
      if (held.where[p] == executor)
        found.emplace_back(shuffle, p);
  return found;
}

void map_output_table::release(shuffle_id shuffle) {
  shuffles_.erase(shuffle);
}

bool map_output_table::complete(shuffle_id shuffle) const {
  const auto* found = find(shuffle);
  return found && found->registered == found->where.size();
}

bool map_output_table::has(shuffle_id shuffle, std::uint32_t partition) const {
  const auto* found = find(shuffle);
  return found && partition < found->where.size() && found->where[partition] != no_executor;
}

const shuffle_locations& map_output_table::locations(shuffle_id shuffle) const {
  static const shuffle_locations none;
  const auto* found = find(shuffle);
  return found ? found->where : none;
}

task_id map_output_table::task_of(shuffle_id shuffle, std::uint32_t partition) const {
  const auto* found = find(shuffle);
  return found && partition < found->by.size() ? found->by[partition] : task_id{};
}

} // namespace salamander::scheduler
