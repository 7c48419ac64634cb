#include <salamander/scheduler/cluster/master_impl.hpp>
#include <salamander/scheduler/cluster/planted.hpp>

#include <algorithm>

namespace salamander::scheduler::cluster {

std::string master::impl::complaint_about(const driver_asked& e) const {
  if (e.token.size() < 16 || e.token.size() > 64)
    return "its token is not 32 hex digits";
  const auto living = std::ranges::count_if(drivers_, [](const auto& each) { return !each.second.over(); });
  if (static_cast<std::uint64_t>(living) >= settings_.drivers_max)
    return "the master has " + std::to_string(living) + " drivers that are not over, and may have no more (its option --max-drivers)";
  if (auto why = cluster::complaint_about(e.what.program, e.what.files); !why.empty())
    return why;
  if (e.what.cores == 0 || e.what.cores > master_limits::cores)
    return "a driver needs 1 core at least";
  if (e.what.launch.empty() || e.what.launch.size() > master_limits::launch_bytes)
    return "its arguments, environment and settings take " + std::to_string(e.what.launch.size()) + " bytes; 1 to " +
           std::to_string(master_limits::launch_bytes) + " are possible";
  return {};
}

void master::impl::on(const driver_asked& e) {
  const auto answer = [&](std::string id, std::vector<stored_file> missing, std::string refused) {
    actions_.emplace_back(answer_driver{e.from, e.request, std::move(id), std::move(missing), std::move(refused)});
  };
  if (const auto known = drivers_by_token_.find(e.token); known != drivers_by_token_.end() && !planted(defect::token_forgotten))
    return answer(drivers_.at(known->second).id, {}, {});
  if (auto why = complaint_about(e); !why.empty())
    return answer({}, {}, std::move(why));
  if (!e.missing.empty())
    return answer({}, e.missing, {});

  const auto number = next_driver_++;
  auto& driver = drivers_[number];
  driver.number = number;
  driver.id = new_id("driver", number);
  driver.token = e.token;
  driver.what = e.what;
  driver.what.name = plain_text(e.what.name);
  driver.what.user = plain_text(e.what.user);
  driver.submitted_at = wall_;
  drivers_by_id_[driver.id] = number;
  drivers_by_token_[driver.token] = number;
  actions_.emplace_back(keep_launch{driver.id, driver.what.launch});
  driver_accepted record{number, driver.id, driver.token, driver.what, wall_};
  record.what.launch.clear();
  write(std::move(record));
  say(notice::level::info, "driver " + driver.id + " (" + driver.what.name + ") was submitted");
  dirty_ = true;
  answer(driver.id, {}, {});
}

void master::impl::on(const kill_asked& e) {
  const auto answer = [&](bool done, std::string text) { actions_.emplace_back(answer_kill{e.from, e.request, done, std::move(text)}); };
  const auto reason = e.reason.empty() ? std::string("it was killed by request") : plain_text(e.reason);
  if (auto* const driver = find_driver(e.id)) {
    if (driver->over())
      return answer(false, driver->id + " is over already: " + text_of(driver->state));
    kill_driver(*driver, reason);
    return answer(true, driver->id + (driver->over() ? " was killed" : " is being killed"));
  }
  auto* const application = find_application(e.id);
  if (!application)
    return answer(false, "there is no application or driver " + plain_text(e.id));
  if (application->over)
    return answer(false, application->id + " is over already: " + text_of(application->result));
  end_application(*application, application_state::killed, reason);
  answer(true, application->id + " was killed");
}

void master::impl::kill_driver(driver_entry& driver, const std::string& reason) {
  if (!driver.kill_asked) {
    driver.kill_asked = true;
    driver.kill_asked_at = now_;
    driver.kill_reason = reason;
    write(driver_kill_asked{driver.id, reason});
  }
  if (!driver.placed || !driver.sent)
    return end_attempt(driver, process_end::killed, 0, reason);
  touch_worker(driver.worker);
  for (auto& [number, application] : applications_)
    if (!application.over && application.submitted_as == driver.id)
      end_application(application, application_state::killed, "its driver " + driver.id + " was killed: " + reason);
}

/// The process of this attempt is gone, or nobody will ever know.
void master::impl::end_attempt(driver_entry& driver, process_end end, std::int32_t exit_code, const std::string& reason) {
  const bool ran = driver.running_since != time_point{};
  const bool proven = ran && now_ - driver.running_since >= settings_.proven_after;
  if (proven)
    driver.failures.failures = 0;
  driver.placed = driver.sent = driver.reported = false;
  driver.running_since = {};
  driver.exit_code = exit_code;
  driver.reason = reason;
  touch_worker(driver.worker);
  dirty_ = true;
  application_entry* newest = nullptr;
  for (auto& [number, application] : applications_) {
    if (application.submitted_as != driver.id)
      continue;
    newest = &application;
    if (!application.over)
      end_application(application, driver.kill_asked ? application_state::killed : application_state::failed,
                      "its driver " + driver.id + " has ended: " + reason);
  }
  if (newest && newest->result == application_state::finished && end == process_end::failed)
    fail_afterwards(*newest, "its driver " + driver.id + " has ended: " + reason);
  if (driver.kill_asked)
    return end_driver(driver, driver_state::killed, driver.kill_reason);
  if (end == process_end::finished)
    return end_driver(driver, driver_state::finished, reason);
  const bool never_ran = end == process_end::not_started && !ran;
  if (never_ran || (end == process_end::failed && planted(defect::failed_is_retried))) {
    if (!try_elsewhere(driver, reason))
      give_up_start(driver);
    return;
  }
  if (driver.what.supervise)
    return relaunch(driver, end, reason);
  end_driver(driver, end == process_end::failed ? driver_state::failed : driver_state::error, reason);
}

/// What one worker lacks, room on its disk or rights, another one may have; and what never ran cannot do its work twice.
bool master::impl::try_elsewhere(driver_entry& driver, const std::string& reason) {
  driver.failed_at.insert(driver.worker);
  if (driver.failed_at.size() >= settings_.driver_workers_max || !has_untried_worker(driver))
    return false;
  driver.state = driver_state::relaunching;
  write(driver_not_started{driver.id, driver.attempt, driver.worker, reason});
  say(notice::level::warning, "driver " + driver.id + " could not be started on " + driver.worker + " (" + reason + "): another one tries");
  return true;
}

bool master::impl::has_untried_worker(const driver_entry& driver) const {
  return std::ranges::any_of(workers_, [&](const auto& each) {
    const auto& worker = each.second;
    const bool fits = worker.runs_drivers && worker.cores >= driver.what.cores && worker.memory_bytes >= driver.what.memory_bytes;
    return !worker.dead && !worker.leaving && (fits || worker.awaited) && !driver.failed_at.contains(worker.name);
  });
}

/// All workers that may be tried have failed to start it.
void master::impl::give_up_start(driver_entry& driver) {
  driver.failed_at.clear();
  if (driver.what.supervise && driver.failures.failures < settings_.executor_retries)
    return relaunch(driver, process_end::not_started, driver.reason);
  end_driver(driver, driver_state::error, driver.reason);
}

void master::impl::relaunch(driver_entry& driver, process_end end, const std::string& reason) {
  driver.failed_at.clear();
  driver.state = driver_state::relaunching;
  write(driver_placed{driver.id, driver.attempt, {}});
  // A worker that went away says nothing against the driver.
  const bool own_fault = end != process_end::worker_lost && end != process_end::decommissioned;
  const auto doubled = settings_.restart_wait * (1LL << std::min(driver.failures.failures, 16U));
  const auto wait = own_fault ? std::min<duration>(doubled, settings_.restart_wait_max) : duration::zero();
  driver.failures.failures += own_fault ? 1 : 0;
  driver.failures.not_before = now_ + wait;
  say(notice::level::warning, "driver " + driver.id + " has ended (" + reason + ") and is started again in " + seconds_text(wait));
}

void master::impl::end_driver(driver_entry& driver, driver_state state, const std::string& reason) {
  driver.state = state;
  driver.reason = reason;
  driver.ended_at = wall_;
  driver.what.launch.clear();
  if (!planted(defect::end_not_written))
    write(driver_over{driver.id, state, driver.exit_code, reason, wall_});
  actions_.emplace_back(drop_launch{driver.id});
  say(state == driver_state::finished ? notice::level::info : notice::level::warning,
      "driver " + driver.id + " is over: " + text_of(state) + (reason.empty() ? "" : ": " + reason));
}

void master::impl::forget_old_drivers() {
  auto over = static_cast<std::size_t>(std::ranges::count_if(drivers_, [](const auto& each) { return each.second.over(); }));
  for (auto at = drivers_.begin(); at != drivers_.end() && over > settings_.retained_drivers;) {
    if (!at->second.over()) {
      ++at;
      continue;
    }
    drivers_by_id_.erase(at->second.id);
    drivers_by_token_.erase(at->second.token);
    at = drivers_.erase(at);
    --over;
  }
}

} // namespace salamander::scheduler::cluster
