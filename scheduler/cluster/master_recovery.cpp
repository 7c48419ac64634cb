#include <salamander/scheduler/cluster/master_impl.hpp>

#include <algorithm>

namespace salamander::scheduler::cluster {

void master::impl::on(const start& e) {
  started_ = now_;
  for (const auto& record : e.journal)
    std::visit([this](const auto& one) { restore(one); }, record);
  // The first term of all has nobody to wait for. Processes begin with a greater one, since nothing tells them a new directory from one
  // that was lost: workers that were there before may report executors under numbers that this master would give again.
  lost_journal_ = e.journal.empty() && term_ > 1;
  recovering_ = !e.journal.empty() || lost_journal_;
  for (auto& [number, driver] : drivers_) {
    const auto launch = e.launches.find(driver.id);
    if (launch != e.launches.end() && !driver.over())
      driver.what.launch = launch->second;
    else if (!driver.over() && !driver.placed)
      end_driver(driver, driver_state::error, "what it is started with was not found in the master's recovery directory");
  }
  for (const auto& [id, bytes] : e.launches)
    if (const auto* const driver = find_driver(id); !driver || driver->over())
      actions_.emplace_back(drop_launch{id});
  dirty_ = true;
  if (recovering_)
    say(notice::level::info, "recovering " + std::to_string(workers_.size()) + " workers, " + std::to_string(applications_.size()) +
                                 " applications and " + std::to_string(drivers_.size()) + " drivers of the journal");
}

void master::impl::restore(const numbers_used& record) {
  next_application_ = std::max(next_application_, record.applications);
  next_driver_ = std::max(next_driver_, record.drivers);
}

void master::impl::restore(const worker_joined& record) {
  auto& worker = workers_[record.worker];
  worker.name = record.worker;
  worker.host = record.host;
  worker.awaited = true;
  worker.last_heard = now_;
}

void master::impl::restore(const worker_gone& record) {
  workers_.erase(record.worker);
}

void master::impl::restore(const application_joined& record) {
  auto& application = applications_[record.number];
  application.number = record.number;
  application.id = record.id;
  application.token = record.token;
  application.name = record.name;
  application.user = record.user;
  application.submitted_as = record.submitted_as;
  application.submitted_at = record.submitted_at;
  application.awaited = true;
  application.last_heard = now_;
  applications_by_id_[record.id] = record.number;
  applications_by_token_[record.token] = record.number;
  next_application_ = std::max(next_application_, record.number + 1);
}

void master::impl::restore(const executors_numbered& record) {
  if (auto* const application = find_application(record.application))
    application->next_executor = application->numbered_below = application->restored_below = record.below;
}

void master::impl::restore(const application_over& record) {
  auto* const application = find_application(record.application);
  if (!application)
    return;
  application->over = true;
  application->awaited = false;
  application->result = record.state;
  application->ended = record.reason.empty() ? "it is over" : record.reason;
  application->ended_at = record.ended_at;
}

void master::impl::restore(const driver_accepted& record) {
  auto& driver = drivers_[record.number];
  driver.number = record.number;
  driver.id = record.driver;
  driver.token = record.token;
  driver.what = record.what;
  driver.submitted_at = record.submitted_at;
  drivers_by_id_[record.driver] = record.number;
  drivers_by_token_[record.token] = record.number;
  next_driver_ = std::max(next_driver_, record.number + 1);
}

/// What the worker does not know of it when it reports was never started: it keeps what has ended until it is told to forget it, and
/// that is written down before. So the attempt may be ordered again.
void master::impl::restore(const driver_placed& record) {
  auto* const driver = find_driver(record.driver);
  if (!driver)
    return;
  driver->attempt = record.attempt;
  driver->worker = record.worker;
  driver->placed = driver->sent = !record.worker.empty();
  driver->state = record.worker.empty() ? driver_state::relaunching : driver_state::running;
  if (record.worker.empty())
    driver->failed_at.clear();
}

void master::impl::restore(const driver_not_started& record) {
  auto* const driver = find_driver(record.driver);
  if (!driver)
    return;
  driver->attempt = record.attempt;
  driver->worker = record.worker;
  driver->placed = driver->sent = false;
  driver->state = driver_state::relaunching;
  driver->reason = record.reason;
  driver->failed_at.insert(record.worker);
}

void master::impl::restore(const driver_kill_asked& record) {
  if (auto* const driver = find_driver(record.driver)) {
    driver->kill_asked = true;
    driver->kill_asked_at = now_;
    driver->kill_reason = record.reason;
  }
}

void master::impl::restore(const driver_over& record) {
  auto* const driver = find_driver(record.driver);
  if (!driver)
    return;
  driver->state = record.state;
  driver->placed = driver->sent = false;
  driver->exit_code = record.exit_code;
  driver->reason = record.reason;
  driver->ended_at = record.ended_at;
}

void master::impl::check_recovered() {
  if (!recovering_)
    return;
  const bool somebody = lost_journal_ || std::ranges::any_of(workers_, [](const auto& each) { return each.second.awaited; }) ||
                        std::ranges::any_of(applications_, [](const auto& each) { return each.second.awaited; });
  if (const auto until = started_ + settings_.recovery_max; somebody && now_ < until)
    return wake(until);
  recovering_ = false;
  dirty_ = true;
  tell_everybody();
  for (auto& [number, driver] : drivers_)
    if (driver.placed && !find_worker(driver.worker)) // the former leader died between the worker's last record and the driver's
      end_attempt(driver, process_end::worker_lost, 0, "its worker is lost");
  say(notice::level::info, "recovered after " + seconds_text(now_ - started_));
}

std::vector<journal_record> master::impl::snapshot() const {
  std::vector<journal_record> all{numbers_used{next_application_, next_driver_}};
  for (const auto& [name, worker] : workers_)
    if (!worker.dead)
      all.emplace_back(worker_joined{name, worker.host});
  for (const auto& [number, one] : applications_) {
    if (!one.journalled)
      continue;
    all.emplace_back(application_joined{number, one.id, one.token, one.name, one.user, one.submitted_as, one.submitted_at});
    if (one.numbered_below > 0)
      all.emplace_back(executors_numbered{one.id, one.numbered_below});
    if (one.over)
      all.emplace_back(application_over{one.id, one.result, one.ended, one.ended_at});
  }
  for (const auto& [number, one] : drivers_) {
    driver_accepted accepted{number, one.id, one.token, one.what, one.submitted_at};
    accepted.what.launch.clear();
    all.emplace_back(std::move(accepted));
    for (const auto& worker : one.failed_at)
      all.emplace_back(driver_not_started{one.id, one.attempt, worker, one.reason});
    if (one.attempt > 0 && (one.placed || one.over() || one.failed_at.empty()))
      all.emplace_back(driver_placed{one.id, one.attempt, one.placed || one.over() ? one.worker : std::string()});
    if (one.kill_asked)
      all.emplace_back(driver_kill_asked{one.id, one.kill_reason});
    if (one.over())
      all.emplace_back(driver_over{one.id, one.state, one.exit_code, one.reason, one.ended_at});
  }
  return all;
}

std::vector<journal_record> master::snapshot() const {
  return impl_->snapshot();
}

} // namespace salamander::scheduler::cluster
