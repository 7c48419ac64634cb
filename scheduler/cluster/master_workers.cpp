#include <salamander/scheduler/cluster/master_impl.hpp>
#include <salamander/scheduler/cluster/names.hpp>

#include <algorithm>
#include <utility>

namespace salamander::scheduler::cluster {
namespace {

std::string refusal_of(const worker_report& report) {
  if (report.protocol != cluster_protocol_version)
    return "it speaks version " + std::to_string(report.protocol) + " of the cluster's protocol, this master " +
           std::to_string(cluster_protocol_version) + ": use the same release of both";
  if (!is_worker_name(report.worker))
    return "its name is not one of a worker";
  if (report.cores == 0 || report.cores > master_limits::cores)
    return "it offers " + std::to_string(report.cores) + " cores; 1 to " + std::to_string(master_limits::cores) + " are possible";
  if (report.executors.size() > master_limits::processes || report.drivers.size() > master_limits::processes)
    return "it reports more than " + std::to_string(master_limits::processes) + " processes";
  if (report.formerly.size() > worker_names_max || !std::ranges::all_of(report.formerly, is_worker_name))
    return "it says names of earlier workers that are none, or more than " + std::to_string(worker_names_max);
  return {};
}

template <class Order, class Description>
void add_launch(Order& order, const Description& what) {
  order.launch = what.launch;
  order.program = what.program;
  order.files = what.files;
}

} // namespace

void master::impl::on(const worker_heard& e) {
  if (auto why = refusal_of(e.what); !why.empty())
    return refuse_worker(e, std::move(why));
  auto* const known = find_worker(e.what.worker);
  auto* const worker = known ? known : admit_worker(e);
  if (!worker)
    return;
  if (worker->peer != e.from && e.what.sequence <= worker->sequence)
    return; // late, over a connection that was replaced
  worker->peer = e.from;
  touch(*worker);
  if (e.what.sequence <= worker->sequence)
    return; // said before; the answer may have been lost
  if (worker->dead) {
    worker->dead = worker->left = false;
    write(worker_joined{worker->name, worker->host});
    say(notice::level::info, worker->name + " is back");
    dirty_ = true;
  }
  if (now_ - worker->last_heard >= settings_.worker_silent_after)
    dirty_ = true;
  worker->awaited = false;
  worker->last_heard = now_;
  worker->sequence = e.what.sequence;
  worker->host = plain_text(e.what.host);
  worker->cores = e.what.cores;
  worker->memory_bytes = e.what.memory_bytes;
  worker->runs_drivers = e.what.runs_drivers;
  worker->formerly = e.what.formerly;
  for (const auto& status : e.what.executors)
    adopt(*worker, status);
  read_executors(*worker, e.what);
  read_drivers(*worker, e.what);
  forget_strays(*worker);
  read_leaving(*worker, e.what.leaving);
}

void master::impl::refuse_worker(const worker_heard& e, std::string why) {
  say(notice::level::error, "refused " + plain_text(e.what.worker) + " on " + plain_text(e.what.host) + ": " + why);
  worker_orders orders;
  orders.term = term_;
  orders.number = ++orders_made_;
  orders.sequence = e.what.sequence;
  orders.recovering = true; // nothing it runs is to be killed for this
  orders.refused = std::move(why);
  actions_.emplace_back(send_orders{e.from, std::move(orders)});
}

worker_entry* master::impl::admit_worker(const worker_heard& e) {
  if (workers_.size() >= master_limits::workers) {
    const auto dead = std::ranges::find_if(workers_, [](const auto& each) { return each.second.dead && each.second.executors.empty(); });
    if (dead == workers_.end()) {
      refuse_worker(e, "this master has " + std::to_string(workers_.size()) + " workers, and more it cannot have");
      return nullptr;
    }
    workers_.erase(dead);
  }
  auto& worker = workers_[e.what.worker];
  worker.name = e.what.worker;
  worker.last_heard = now_;
  write(worker_joined{worker.name, plain_text(e.what.host)});
  say(notice::level::info, worker.name + " has joined: " + std::to_string(e.what.cores) + " cores");
  dirty_ = true;
  return &worker;
}

/// Whether an executor that this master has not started is a former leader's: on a worker that came late, or by an order that was still
/// under way. As long as a worker may be silent and live, none of these is given up.
bool master::impl::may_adopt(const application_entry* application, const executor_status& status) const {
  if (!application)
    return recovering_; // the journal ended before this application's record, or was lost
  if (application->over || application->executors.contains(status.executor) || application->given_up.contains(status.executor) ||
      application->released.contains(status.executor))
    return false;
  return now_ - started_ < settings_.worker_dead_after && (!application->journalled || status.executor < application->restored_below);
}

void master::impl::adopt(worker_entry& worker, const executor_status& status) {
  auto* application = find_application(status.application);
  if (!may_adopt(application, status))
    return;
  if (!recovering_) { // others may have its cores already
    account();
    if (status.cores > worker.cores_free())
      return;
  }
  if (!application) {
    if (!is_application_id(status.application) || applications_.size() >= 2 * master_limits::applications)
      return;
    const auto number = next_application_++;
    application = &applications_[number];
    application->number = number;
    application->id = status.application;
    application->journalled = false;
    application->last_heard = now_;
    applications_by_id_[application->id] = number;
  }
  if (!application->journalled)
    application->next_executor = application->restored_below = std::max(application->next_executor, status.executor + 1);
  auto& executor = application->executors[status.executor];
  executor.incarnation = status.incarnation;
  executor.worker = worker.name;
  executor.host = worker.host;
  executor.cores = status.cores;
  executor.memory_bytes = status.memory_bytes;
  executor.sent = executor.reported = true;
  executor.met = recovering_; // on a worker that came late it may have just started, as ordered long ago
  worker.executors.insert({application->number, status.executor});
  application->places[status.executor] = worker.name;
  touch(*application);
  dirty_ = true;
}

void master::impl::read_executors(worker_entry& worker, const worker_report& report) {
  for (const auto& status : report.executors) {
    auto* const application = find_application(status.application);
    const auto at = application ? application->executors.find(status.executor) : decltype(application->executors.end()){};
    const bool ours = application && at != application->executors.end() && at->second.worker == worker.name &&
                      at->second.incarnation == status.incarnation && at->second.end != process_end::worker_lost;
    if (ours) {
      at->second.seen = report.sequence;
      read_status(*application, status.executor, at->second, status);
    } else if (status.state != process_state::ended) {
      keep_stray(worker, status.application, status.incarnation, status.cores, status.memory_bytes);
    }
  }
  for (const auto& key : std::set(worker.executors))
    if (const auto* const executor = find_executor(key); // an end before may have ended the application
        executor && executor->reported && executor->living() && executor->seen != report.sequence)
      end_executor(applications_.at(key.application), key.executor, process_end::worker_lost, "its worker does not know it any more");
}

void master::impl::read_drivers(worker_entry& worker, const worker_report& report) {
  for (const auto& status : report.drivers) {
    auto* const driver = find_driver(status.driver);
    const bool ours = driver && driver->placed && driver->worker == worker.name && driver->attempt == status.attempt;
    if (!ours) {
      if (status.state != process_state::ended)
        keep_stray(worker, status.driver, status.attempt, status.cores, status.memory_bytes);
      continue;
    }
    driver->reported = true;
    driver->seen = report.sequence;
    if (status.state == process_state::ended)
      end_attempt(*driver, status.end, status.exit_code, plain_text(status.reason));
    else if (status.state == process_state::running && driver->running_since == time_point{}) {
      driver->state = driver_state::running;
      driver->running_since = now_;
    }
  }
  for (auto& [number, driver] : drivers_) {
    if (!driver.placed || driver.worker != worker.name || driver.seen == report.sequence)
      continue;
    const bool never_came = !driver.reported && driver.kill_asked && now_ - driver.kill_asked_at >= settings_.worker_silent_after;
    if (driver.reported || never_came)
      end_attempt(driver, driver.kill_asked ? process_end::killed : process_end::worker_lost, 0, "its worker does not know it any more");
  }
}

void master::impl::keep_stray(worker_entry& worker, const std::string& owner, std::uint64_t incarnation, std::uint32_t cores,
                              std::uint64_t memory_bytes) {
  auto& one = worker.strays[{owner, incarnation}];
  one.cores = std::min(cores, master_limits::cores);
  one.memory_bytes = memory_bytes;
  one.reported = true;
  one.seen = worker.sequence;
}

/// A process that was reported once is gone with the first report without it. One that was ordered and taken back before any report
/// may have started or not: the reports that were under way are waited for.
void master::impl::forget_strays(worker_entry& worker) {
  const auto gone = std::erase_if(worker.strays, [&](const auto& each) {
    const auto& one = each.second;
    return one.seen != worker.sequence && (one.reported || now_ - one.since >= settings_.worker_silent_after);
  });
  if (gone > 0)
    dirty_ = true;
}

void master::impl::read_leaving(worker_entry& worker, bool leaving) {
  if (worker.leaving == leaving)
    return;
  worker.leaving = leaving;
  dirty_ = true;
  say(notice::level::info, worker.name + (leaving ? " is leaving" : " stays"));
  for (const auto& key : worker.executors) {
    auto& application = applications_.at(key.application);
    if (auto& executor = application.executors.at(key.executor); leaving && executor.living()) {
      executor.leaving = true;
      touch(application);
    }
  }
}

/// As it said itself, last.
bool master::impl::runs_nothing(const worker_entry& worker) {
  const auto lives = [this](const executor_key& key) {
    const auto* const executor = find_executor(key);
    return executor && executor->living();
  };
  return worker.strays.empty() && std::ranges::none_of(worker.executors, lives) &&
         std::ranges::none_of(drivers_, [&](const auto& each) { return each.second.placed && each.second.worker == worker.name; });
}

/// The worker is dead: what ran there is lost.
void master::impl::bury(worker_entry& worker, const std::string& why) {
  worker.dead = true;
  worker.left = worker.leaving && runs_nothing(worker);
  worker.strays.clear();
  write(worker_gone{worker.name});
  if (worker.left)
    say(notice::level::info, worker.name + " on " + worker.host + " has left");
  else
    say(notice::level::warning, worker.name + " on " + worker.host + " is dead: " + why);
  const auto reason = "its worker is lost: " + why;
  for (const auto& key : std::set(worker.executors))
    if (const auto* const executor = find_executor(key); executor && executor->living())
      end_executor(applications_.at(key.application), key.executor, process_end::worker_lost, reason);
  for (auto& [number, driver] : drivers_)
    if (driver.placed && driver.worker == worker.name)
      end_attempt(driver, process_end::worker_lost, 0, reason);
  dirty_ = true;
}

bool master::impl::launch_fits(bool sent, std::size_t size, std::size_t& launch_bytes) {
  if (!sent && launch_bytes > 0 && launch_bytes + size > master_limits::launch_bytes_at_once)
    return false;
  launch_bytes += size;
  return true;
}

void master::impl::list(application_entry& application, std::uint32_t number, executor_entry& executor, worker_orders& orders,
                        std::size_t& launch_bytes) {
  const bool launch = !executor.reported && application.described;
  if (launch && !launch_fits(executor.sent, application.described->launch.size(), launch_bytes))
    return;
  executor.sent = true;
  auto& order = orders.executors.emplace_back();
  order.application = application.id;
  order.executor = number;
  order.incarnation = executor.incarnation;
  order.cores = executor.cores;
  order.memory_bytes = executor.memory_bytes;
  order.leaving = executor.leaving;
  if (launch)
    add_launch(order, *application.described);
}

void master::impl::list(driver_entry& driver, worker_orders& orders, std::size_t& launch_bytes) {
  const bool launch = !driver.reported;
  if (launch && !launch_fits(driver.sent, driver.what.launch.size(), launch_bytes))
    return;
  driver.sent = true;
  auto& order = orders.drivers.emplace_back();
  order.driver = driver.id;
  order.attempt = driver.attempt;
  order.cores = driver.what.cores;
  order.memory_bytes = driver.what.memory_bytes;
  if (launch)
    add_launch(order, driver.what);
}

worker_orders master::impl::orders_for(worker_entry& worker) {
  worker_orders orders;
  orders.term = term_;
  orders.number = ++orders_made_;
  orders.sequence = worker.sequence;
  orders.recovering = recovering_;
  if (recovering_)
    return orders;
  std::size_t launch_bytes = 0;
  // What may run already has to be listed; what was never sent may wait for the next orders.
  for (const bool sent : {true, false}) {
    for (auto& [number, driver] : drivers_)
      if (driver.placed && !driver.kill_asked && driver.worker == worker.name && driver.sent == sent)
        list(driver, orders, launch_bytes);
    for (const auto& key : worker.executors) {
      auto& application = applications_.at(key.application);
      if (auto& executor = application.executors.at(key.executor); executor.sent == sent && executor.end != process_end::worker_lost)
        list(application, key.executor, executor, orders, launch_bytes);
    }
  }
  for (const auto& [number, application] : applications_)
    if (!application.over)
      orders.applications.push_back(application.id);
  return orders;
}

} // namespace salamander::scheduler::cluster
