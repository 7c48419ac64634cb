#include <salamander/scheduler/exclusion.hpp>

#include <salamander/scheduler/failure_text.hpp>

#include <algorithm>

namespace salamander::scheduler {

void stage_exclusion::failed(std::uint32_t index, executor_id executor, const std::string& host, time_point now) {
  auto& there = failures_[executor];
  there.host = host;
  auto& [times, last] = there.tasks[index];
  ++times;
  last = now;
  if (there.tasks.size() >= options_.stage_failed_tasks_per_executor_max)
    executors_.insert(executor);
  if (host.empty())
    return;
  std::uint32_t on_node = 0;
  std::uint32_t executors_off = 0;
  for (const auto& [id, what] : failures_) {
    if (what.host != host)
      continue;
    if (const auto found = what.tasks.find(index); found != what.tasks.end())
      on_node += found->second.first;
    executors_off += executors_.contains(id) ? 1 : 0;
  }
  if (on_node >= options_.task_attempts_per_node_max)
    tasks_off_node_[host].insert(index);
  if (executors_off >= options_.stage_failed_executors_per_node_max)
    nodes_.insert(host);
}

bool stage_exclusion::forbids(std::uint32_t index, executor_id executor, const std::string& host) const {
  if (const auto there = failures_.find(executor); there != failures_.end())
    if (const auto task = there->second.tasks.find(index);
        task != there->second.tasks.end() && task->second.first >= options_.task_attempts_per_executor_max)
      return true;
  const auto node = tasks_off_node_.find(host);
  return node != tasks_off_node_.end() && node->second.contains(index);
}

bool stage_exclusion::forbids_all(executor_id executor, const std::string& host) const {
  return executors_.contains(executor) || nodes_.contains(host);
}

std::vector<application_exclusion::exclusion> application_exclusion::stage_succeeded(stage_id stage, std::uint32_t attempt,
                                                                                     const stage_exclusion& failures, time_point now) {
  std::vector<exclusion> made;
  for (const auto& [executor, record] : failures.failures()) {
    auto& known = failures_[executor];
    for (const auto& [index, what] : record.tasks)
      known.push_back({stage, attempt, index, what.second + options_.timeout});
    std::erase_if(known, [&](const auto& f) { return f.expires <= now; });
    if (known.size() >= options_.application_failed_tasks_per_executor_max)
      exclude(executor, record.host, counted(known.size(), "task") + " failed there", now, made);
  }
  return made;
}

std::vector<application_exclusion::exclusion> application_exclusion::fetch_failed(executor_id from, const std::string& host,
                                                                                  time_point now) {
  std::vector<exclusion> made;
  exclude(from, host, "a block could not be fetched from it", now, made);
  return made;
}

void application_exclusion::exclude(executor_id executor, const std::string& host, const std::string& why, time_point now,
                                    std::vector<exclusion>& made) {
  const auto until = now + options_.timeout;
  if (!executors_.try_emplace(executor, excluded{host, until}).second)
    return;
  made.push_back({executor, {}, why});
  if (host.empty())
    return;
  auto& on_node = executors_of_node_[host];
  on_node.insert(executor);
  if (on_node.size() >= options_.application_failed_executors_per_node_max && nodes_.try_emplace(host, until).second)
    made.push_back({no_executor, host, counted(on_node.size(), "executor") + " there are excluded"});
}

bool application_exclusion::forbids(executor_id executor, const std::string& host) const {
  return executors_.contains(executor) || nodes_.contains(host);
}

std::vector<std::string> application_exclusion::expire(time_point now) {
  std::vector<std::string> over;
  for (auto it = executors_.begin(); it != executors_.end();) {
    if (it->second.expires > now) {
      ++it;
      continue;
    }
    over.push_back(name_of(it->first));
    if (const auto node = executors_of_node_.find(it->second.host); node != executors_of_node_.end()) {
      node->second.erase(it->first);
      if (node->second.empty())
        executors_of_node_.erase(node);
    }
    it = executors_.erase(it);
  }
  for (auto it = nodes_.begin(); it != nodes_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    over.push_back("node " + it->first);
    it = nodes_.erase(it);
  }
  return over;
}

std::optional<time_point> application_exclusion::next_expiry() const {
  std::optional<time_point> next;
  const auto sooner = [&](time_point when) { next = next ? std::min(*next, when) : when; };
  for (const auto& [id, what] : executors_)
    sooner(what.expires);
  for (const auto& [node, when] : nodes_)
    sooner(when);
  return next;
}

void application_exclusion::forget(executor_id executor) {
  failures_.erase(executor);
  // An unknown node has nothing that could count against it.
  if (const auto known = executors_.find(executor); known != executors_.end() && known->second.host.empty())
    executors_.erase(known);
}

} // namespace salamander::scheduler
