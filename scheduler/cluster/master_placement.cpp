#include <salamander/scheduler/cluster/master_impl.hpp>
#include <salamander/scheduler/cluster/planted.hpp>

#include <algorithm>

namespace salamander::scheduler::cluster {
namespace {

/// So many numbers of executors are written to the journal at once.
constexpr std::uint32_t numbers_at_once = 100;
/// So many places of executors are kept for their logs, of each application.
constexpr std::size_t places_max = 1000;

std::uint32_t step_of(const application_entry& application) {
  return std::max(1U, application.described->executor_cores);
}

} // namespace

bool master::impl::usable(const worker_entry& worker) const {
  return !worker.dead && !worker.leaving && !worker.awaited && worker.peer != no_peer &&
         now_ - worker.last_heard < settings_.worker_silent_after;
}

void master::impl::account() {
  for (auto& [name, worker] : workers_) {
    worker.cores_used = 0;
    worker.memory_used_bytes = 0;
    const auto use = [&worker = worker](std::uint32_t cores, std::uint64_t memory_bytes) {
      worker.cores_used += cores;
      worker.memory_used_bytes += memory_bytes;
    };
    for (const auto& key : worker.executors)
      if (const auto* const executor = find_executor(key); executor && executor->living())
        use(executor->cores, executor->memory_bytes);
    for (const auto& [owner, one] : worker.strays)
      use(one.cores, one.memory_bytes);
  }
  for (const auto& [number, driver] : drivers_)
    if (driver.placed)
      if (auto* const worker = find_worker(driver.worker)) {
        worker->cores_used += driver.what.cores;
        worker->memory_used_bytes += driver.what.memory_bytes;
      }
}

/// Drivers first: without them there are no executors. Then applications.
void master::impl::place() {
  account();
  place_drivers();
  if (settings_.applications == master_settings::order::fair)
    place_fair();
  else
    place_fifo();
}

void master::impl::place_drivers() {
  for (auto& [number, driver] : drivers_) {
    if (driver.over() || driver.placed)
      continue;
    if (driver.failures.not_before > now_) {
      wake(driver.failures.not_before);
      continue;
    }
    if (!driver.failed_at.empty() && !has_untried_worker(driver)) { // the others have gone
      give_up_start(driver);
      continue;
    }
    auto* const worker = worker_for(driver);
    if (!worker)
      continue;
    ++driver.attempt;
    driver.worker = worker->name;
    driver.placed = true;
    worker->cores_used += driver.what.cores;
    worker->memory_used_bytes += driver.what.memory_bytes;
    if (!planted(defect::attempt_not_written))
      write(driver_placed{driver.id, driver.attempt, driver.worker});
    touch(*worker);
  }
}

/// The emptiest worker that has room and has not just failed to start it, or the fullest one.
worker_entry* master::impl::worker_for(const driver_entry& driver) {
  worker_entry* best = nullptr;
  for (auto& [name, worker] : workers_) {
    if (!usable(worker) || !worker.runs_drivers || worker.cores_free() < driver.what.cores ||
        worker.memory_free() < driver.what.memory_bytes || driver.failed_at.contains(name))
      continue;
    if (!best || (settings_.spread_out ? worker.cores_free() > best->cores_free() : worker.cores_free() < best->cores_free()))
      best = &worker;
  }
  return best;
}

void master::impl::place_fifo() {
  for (auto& [number, application] : applications_)
    place_executors(application, no_limit);
}

void master::impl::place_fair() {
  std::set<std::pair<std::uint32_t, application_number>> waiting;
  for (const auto& [number, application] : applications_)
    if (!application.over)
      waiting.emplace(cores_of(application), number);
  while (!waiting.empty()) {
    auto& application = applications_.at(waiting.begin()->second);
    waiting.erase(waiting.begin());
    if (place_executors(application, 1))
      waiting.emplace(cores_of(application), application.number);
  }
}

std::vector<worker_entry*> master::impl::candidates_for(const application_entry& application) {
  const auto& what = *application.described;
  std::vector<worker_entry*> found;
  for (auto& [name, worker] : workers_) {
    if (worker.cores_free() < step_of(application) || worker.memory_free() < what.executor_memory_bytes || !usable(worker))
      continue;
    if (const auto row = application.failures_at.find(name); row != application.failures_at.end() && row->second.not_before > now_) {
      wake(row->second.not_before);
      continue;
    }
    found.push_back(&worker);
  }
  std::ranges::stable_sort(found, [](const auto* a, const auto* b) { return a->cores_free() > b->cores_free(); });
  return found;
}

bool master::impl::place_executors(application_entry& application, std::uint32_t executors_max) {
  if (application.over || !application.described || !application.missing.empty() || application.peer == no_peer)
    return false; // a driver that is gone would be looked for in vain
  trim(application);
  const auto& what = *application.described;
  std::uint32_t living = 0;
  for (const auto& [number, executor] : application.executors)
    living += executor.living() && !executor.leaving ? 1 : 0;
  executor_wish wish{what.executor_cores, what.executor_memory_bytes, cores_wanted(application),
                     application.executors_max - std::min(application.executors_max, living), settings_.spread_out};
  const auto room = master_limits::executors - std::min(master_limits::executors, application.executors.size());
  wish.executors_max = std::min({wish.executors_max, executors_max, static_cast<std::uint32_t>(room)});
  if (wish.executors_max == 0 || wish.cores_max < step_of(application))
    return false;
  const auto candidates = candidates_for(application);
  std::vector<worker_room> rooms;
  for (const auto* worker : candidates)
    rooms.push_back({worker->cores_free(), worker->memory_free()});
  const auto cores = assign_cores(rooms, wish);
  bool any = false;
  for (std::size_t at = 0; at < candidates.size(); ++at) {
    const auto each = what.executor_cores == 0 ? cores[at] : what.executor_cores;
    for (auto left = cores[at]; left > 0; left -= each) {
      add_executor(application, *candidates[at], each);
      any = true;
    }
  }
  return any;
}

void master::impl::add_executor(application_entry& application, worker_entry& worker, std::uint32_t cores) {
  const auto number = application.next_executor++;
  if (number >= application.numbered_below)
    write(executors_numbered{application.id, application.numbered_below = number + numbers_at_once});
  auto& executor = application.executors[number];
  executor.incarnation = draw();
  executor.worker = worker.name;
  executor.host = worker.host;
  executor.cores = cores;
  executor.memory_bytes = application.described->executor_memory_bytes;
  worker.executors.insert({application.number, number});
  worker.cores_used += cores;
  worker.memory_used_bytes += executor.memory_bytes;
  application.places[number] = worker.name;
  if (application.places.size() > places_max)
    application.places.erase(application.places.begin());
  touch(worker);
  touch(application);
}

} // namespace salamander::scheduler::cluster
