#include <salamander/scheduler/map_output_table.hpp>

namespace salamander::scheduler {

void map_output_table::declare(shuffle_id shuffle, std::uint32_t partitions) {
  auto [it, fresh] = shuffles_.try_emplace(shuffle);
  if (fresh) {
    it->second.where.assign(partitions, no_executor);
    it->second.by.assign(partitions, task_id{});
  }
}

const map_output_table::outputs* map_output_table::find(shuffle_id shuffle) const {
  const auto it = shuffles_.find(shuffle);
  return it == shuffles_.end() ? nullptr : &it->second;
}

bool map_output_table::add(shuffle_id shuffle, std::uint32_t partition, executor_id executor, task_id task) {
  const auto it = shuffles_.find(shuffle);
  if (it == shuffles_.end() || partition >= it->second.where.size() || it->second.where[partition] != no_executor)
    return false;
  it->second.where[partition] = executor;
  it->second.by[partition] = task;
  ++it->second.registered;
  return true;
}

bool map_output_table::remove(shuffle_id shuffle, std::uint32_t partition, executor_id executor) {
  const auto it = shuffles_.find(shuffle);
  if (executor == no_executor || it == shuffles_.end() || partition >= it->second.where.size() || it->second.where[partition] != executor)
    return false;
  it->second.where[partition] = no_executor;
  it->second.by[partition] = task_id{};
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
