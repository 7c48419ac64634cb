#include <salamander/scheduler/executor_table.hpp>

namespace salamander::scheduler {

executor* executor_table::add(executor_id id, std::uint32_t cores, std::string host) {
  if (lost_.contains(id))
    return nullptr;
  const auto [it, fresh] = executors_.try_emplace(id);
  if (!fresh)
    return nullptr;
  it->second.id = id;
  it->second.cores = cores;
  it->second.host = std::move(host);
  total_cores_ += cores;
  return &it->second;
}

void executor_table::remove(executor_id id) {
  const auto it = executors_.find(id);
  if (it == executors_.end())
    return;
  total_cores_ -= it->second.cores;
  executors_.erase(it);
  lost_.insert(id);
}

executor* executor_table::find(executor_id id) {
  const auto it = executors_.find(id);
  return it == executors_.end() ? nullptr : &it->second;
}

const executor* executor_table::find(executor_id id) const {
  const auto it = executors_.find(id);
  return it == executors_.end() ? nullptr : &it->second;
}

} // namespace salamander::scheduler
