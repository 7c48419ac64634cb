#include <salamander/scheduler/cluster/master_impl.hpp>

#include <algorithm>

namespace salamander::scheduler::cluster {
namespace {

/// One message holds no more.
constexpr std::size_t executors_max = 4000;

application_state state_of(const application_entry& one) {
  if (one.over)
    return one.result;
  const bool runs = std::ranges::any_of(one.executors, [](const auto& each) { return each.second.living(); });
  return runs ? application_state::running : application_state::waiting;
}

application_summary summary_of(const application_entry& one) {
  application_summary told{one.id,           one.name,     one.user,  state_of(one),    0,           0, 0,
                           one.submitted_at, one.ended_at, one.ended, one.submitted_as, one.progress};
  for (const auto& [number, executor] : one.executors)
    if (executor.living()) {
      ++told.executors;
      told.cores += executor.cores;
      told.executor_memory_bytes = executor.memory_bytes;
    }
  if (one.described)
    told.executor_memory_bytes = one.described->executor_memory_bytes;
  if (!one.over && told.reason.empty() && !one.last_failure.empty() && one.failures > 0)
    told.reason = "an executor failed: " + one.last_failure;
  return told;
}

driver_summary summary_of(const driver_entry& one) {
  return {one.id,        one.what.name,      one.what.user,    one.state,    one.worker, one.attempt,
          one.exit_code, one.what.supervise, one.submitted_at, one.ended_at, one.reason};
}

std::string amount_text(std::uint32_t cores, std::uint64_t memory_bytes) {
  return std::to_string(cores) + (cores == 1 ? " core and " : " cores and ") + std::to_string(memory_bytes >> 20) + " MiB";
}

/// Why an application has no executors, when no worker would do even if nothing else ran.
std::string what_is_missing(const application_entry& one, const std::map<std::string, worker_entry>& workers) {
  const auto& wanted = *one.described;
  const auto cores = std::max(wanted.executor_cores, 1U);
  bool any = false;
  for (const auto& [name, worker] : workers) {
    if (worker.dead || worker.leaving)
      continue;
    any = true;
    if (worker.cores >= cores && worker.memory_bytes >= wanted.executor_memory_bytes)
      return "";
  }
  return any ? "it waits: no worker offers " + amount_text(cores, wanted.executor_memory_bytes) + " for an executor"
             : "it waits: no worker is there";
}

/// Why a driver is not placed, when no worker would do even if nothing else ran.
std::string what_is_missing(const driver_entry& driver, const std::map<std::string, worker_entry>& workers) {
  bool any = false;
  for (const auto& [name, worker] : workers) {
    if (worker.dead || worker.leaving || !worker.runs_drivers)
      continue;
    any = true;
    if (worker.cores >= driver.what.cores && worker.memory_bytes >= driver.what.memory_bytes)
      return driver.reason;
  }
  if (!any)
    return "it waits: no worker is there that runs drivers (they need --client-credentials)";
  return "it waits: no worker offers " + amount_text(driver.what.cores, driver.what.memory_bytes);
}

bool belongs_to(const application_entry& one, const std::string& id) {
  return one.id == id || one.submitted_as == id;
}

bool belongs_to(const driver_entry& one, const std::string& id) {
  return one.id == id;
}

/// What is not over first, then the newest.
template <class Entry, class IsOver>
std::vector<const Entry*> in_order(const std::map<std::uint64_t, Entry>& all, const std::string& id, IsOver is_over) {
  std::vector<const Entry*> chosen;
  for (auto at = all.rbegin(); at != all.rend(); ++at)
    if (id.empty() || belongs_to(at->second, id))
      chosen.push_back(&at->second);
  std::ranges::stable_partition(chosen, [&](const Entry* one) { return !is_over(*one); });
  return chosen;
}

} // namespace

cluster_summary master::impl::summary(time_point now, const std::string& id) const {
  cluster_summary told;
  told.state = recovering_ ? master_state::recovering : master_state::leading;
  told.term = term_;
  if (id.empty())
    for (const auto& [name, worker] : workers_) {
      const auto silent = std::max(duration::zero(), now - worker.last_heard);
      const auto state = worker.left                                                         ? worker_state::left
                         : worker.dead                                                       ? worker_state::dead
                         : worker.leaving                                                    ? worker_state::leaving
                         : silent >= settings_.worker_silent_after || worker.peer == no_peer ? worker_state::silent
                                                                                             : worker_state::alive;
      told.workers.push_back({name, worker.host, state, worker.cores, worker.cores_used, worker.memory_bytes, worker.memory_used_bytes,
                              static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(silent).count())});
    }
  for (const auto* one : in_order(applications_, id, [](const auto& each) { return each.over; })) {
    told.applications.push_back(summary_of(*one));
    auto& application = told.applications.back();
    if (application.state == application_state::waiting && application.reason.empty() && one->described && !recovering_)
      application.reason = what_is_missing(*one, workers_);
    for (const auto& [number, executor] : one->executors)
      if (executor.living() && told.executors.size() < executors_max)
        told.executors.push_back({one->id, number, executor.worker, executor.host, executor.cores, executor.state});
  }
  for (const auto* one : in_order(drivers_, id, [](const auto& each) { return each.over(); })) {
    told.drivers.push_back(summary_of(*one));
    if (!one->over() && !one->placed)
      told.drivers.back().reason =
          recovering_ ? "it waits: the master has just begun, and hears first who is there" : what_is_missing(*one, workers_);
  }
  return told;
}

cluster_summary master::summary(time_point now, const std::string& id) const {
  impl_->account();
  return impl_->summary(now, id);
}

peer_id master::worker_of(const std::string& id, std::uint32_t executor) const {
  std::string name;
  if (const auto* const driver = impl_->find_driver(id))
    name = driver->worker;
  else if (const auto* const application = impl_->find_application(id)) {
    if (const auto at = application->places.find(executor); at != application->places.end())
      name = at->second;
    else if (const auto* const own = impl_->find_driver(application->submitted_as); own && executor == no_limit)
      name = own->worker;
  }
  if (const auto* const worker = impl_->find_worker(name); worker && worker->peer != no_peer)
    return worker->peer;
  // It has ended. Another one in its directory has its logs.
  for (const auto& [other, worker] : impl_->workers_)
    if (worker.peer != no_peer && std::ranges::find(worker.formerly, name) != worker.formerly.end())
      return worker.peer;
  return no_peer;
}

std::set<std::string> master::files_in_use() const {
  std::set<std::string> used;
  const auto add = [&](const auto& what) {
    for (const auto* list : {&what.program, &what.files})
      for (const auto& one : *list)
        used.insert(one.sha256);
  };
  for (const auto& [number, application] : impl_->applications_)
    if (application.described)
      add(*application.described);
  for (const auto& [number, driver] : impl_->drivers_)
    if (!driver.over())
      add(driver.what);
  return used;
}

} // namespace salamander::scheduler::cluster
