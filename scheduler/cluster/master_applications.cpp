#include <salamander/scheduler/cluster/master_impl.hpp>
#include <salamander/scheduler/cluster/names.hpp>
#include <salamander/scheduler/cluster/planted.hpp>

#include <algorithm>

namespace salamander::scheduler::cluster {
namespace {

bool is_token(const std::string& token) {
  return token.size() >= 16 && token.size() <= 64 &&
         std::ranges::all_of(token, [](char each) { return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'f'); });
}

} // namespace

bool is_application_id(const std::string& id) {
  return id.starts_with("app-") && is_cluster_id(id);
}

std::string complaint_about(const std::vector<stored_file>& program, const std::vector<stored_file>& files) {
  if (program.size() != 1)
    return "it has to have one program";
  if (files.size() > master_limits::files)
    return "it has more than " + std::to_string(master_limits::files) + " files";
  for (const auto* list : {&program, &files})
    for (const auto& one : *list)
      if (auto why = what_is_wrong_with(one); !why.empty())
        return why;
  return {};
}

std::string master::impl::complaint_about(const application_description& what) {
  if (auto why = cluster::complaint_about(what.program, what.files); !why.empty())
    return why;
  if (what.launch.size() > master_limits::launch_bytes)
    return "what its executors are started with (arguments, environment, settings) takes " + std::to_string(what.launch.size()) +
           " bytes; at most " + std::to_string(master_limits::launch_bytes) + " are possible";
  if (what.executor_cores > master_limits::cores)
    return "salamander.executor.cores is beyond what any worker has";
  return {};
}

void master::impl::on(const application_heard& e) {
  const auto known = applications_by_token_.find(e.what.token);
  auto* application = known == applications_by_token_.end() ? nullptr : &applications_.at(known->second);
  if (application && application->peer != e.from && e.what.sequence < application->sequence)
    return; // late, over a connection that was replaced
  if (!application)
    application = admit_application(e);
  if (!application)
    return;
  dirty_ = dirty_ || application->peer == no_peer;
  application->peer = e.from;
  touch(*application);
  if (application->over || (e.what.sequence <= application->sequence && application->sequence != 0))
    return; // only the answer may have been lost
  application->sequence = e.what.sequence;
  if (!planted(defect::reports_not_counted))
    application->last_heard = now_;
  application->awaited = false;
  for (auto& [number, executor] : application->executors)
    executor.met = executor.met || executor.proven;
  application->progress = e.what.progress;
  if (!e.what.described.empty() && !application->described) {
    application->described = e.what.described.front();
    application->missing = e.missing;
    dirty_ = true;
  }
  read_wishes(*application, e.what);
}

application_entry* master::impl::admit_application(const application_heard& e) {
  const auto refuse = [&](std::string why) -> application_entry* {
    application_grants answer;
    answer.term = term_;
    answer.sequence = e.what.sequence;
    answer.id = e.what.id;
    answer.ended = std::move(why);
    actions_.emplace_back(send_grants{e.from, std::move(answer)});
    return nullptr;
  };
  if (e.what.protocol != cluster_protocol_version)
    return refuse("it speaks version " + std::to_string(e.what.protocol) + " of the cluster's protocol, the master " +
                  std::to_string(cluster_protocol_version) + ": use the same release of both");
  if (!is_token(e.what.token))
    return refuse("its token is not 32 hex digits");
  if (e.what.described.empty()) {
    application_grants answer;
    answer.term = term_;
    answer.sequence = e.what.sequence;
    answer.recovering = true;
    answer.introduce = true;
    answer.id = e.what.id;
    actions_.emplace_back(send_grants{e.from, std::move(answer)});
    return nullptr;
  }
  const auto& what = e.what.described.front();
  if (auto why = complaint_about(what); !why.empty())
    return refuse("the master does not take this application: " + why);
  const auto living = std::ranges::count_if(applications_, [](const auto& each) { return !each.second.over && each.second.journalled; });
  if (static_cast<std::size_t>(living) >= master_limits::applications)
    return refuse("the master has " + std::to_string(living) + " applications, and more it cannot have");

  auto* const heard_of = find_application(e.what.id);
  if (heard_of && heard_of->journalled)
    return refuse("another application has its identifier " + e.what.id);
  const auto number = heard_of ? heard_of->number : next_application_++;
  auto& application = applications_[number];
  application.number = number;
  if (!heard_of)
    application.id = is_application_id(e.what.id) ? e.what.id : new_id("app", number);
  application.journalled = true;
  application.token = e.what.token;
  application.name = plain_text(what.name);
  application.user = plain_text(what.user);
  application.submitted_as = what.submitted_as;
  application.submitted_at = wall_;
  applications_by_id_[application.id] = number;
  applications_by_token_[application.token] = number;
  write(application_joined{number, application.id, application.token, application.name, application.user, application.submitted_as, wall_});
  if (application.next_executor > 0)
    write(executors_numbered{application.id, application.numbered_below = application.next_executor});
  say(notice::level::info, "application " + application.id + " (" + application.name + ") has joined");
  tell_everybody(); // workers keep its directories
  return &application;
}

void master::impl::read_wishes(application_entry& application, const application_report& report) {
  if (application.executors_max != report.executors_max) {
    application.executors_max = report.executors_max;
    dirty_ = true;
  }
  application.released = {report.released.begin(), report.released.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                                 report.released.size(), master_limits::executors))};
  if (recovering_)
    return; // what is released or buried may be reported only later; the driver says it again
  for (const auto number : application.released)
    dismiss(application, number);
  for (const auto number : report.leaving)
    if (const auto at = application.executors.find(number); at != application.executors.end() && !at->second.leaving) {
      at->second.leaving = true;
      touch_worker(at->second.worker);
      dirty_ = true;
    }
  for (const auto number : report.buried)
    if (const auto at = application.executors.find(number); at != application.executors.end() && !at->second.living())
      dismiss(application, number);
}

void master::impl::on(const application_left& e) {
  const auto at = applications_by_token_.find(e.what.token);
  if (at == applications_by_token_.end()) {
    application_grants answer;
    answer.term = term_;
    answer.ended = "it is over";
    actions_.emplace_back(send_grants{e.from, std::move(answer)});
    return;
  }
  auto& application = applications_.at(at->second);
  application.peer = e.from;
  end_application(application, e.what.succeeded ? application_state::finished : application_state::failed, plain_text(e.what.reason));
  touch(application);
}

void master::impl::on(const file_arrived& e) {
  const auto arrived = [&](const stored_file& one) { return one.sha256 == e.sha256; };
  for (auto& [number, application] : applications_)
    if (std::erase_if(application.missing, arrived) > 0) {
      dirty_ = true;
      touch(application);
    }
}

/// This master and an executor have both lost it.
bool master::impl::driver_seems_gone(const application_entry& application) {
  return application.peer == no_peer && !application.awaited &&
         std::ranges::any_of(application.executors, [](const auto& each) { return each.second.end == process_end::driver_gone; });
}

/// Ends an application whose driver is gone. Its executors may go on without a master, so a lost connection alone says little.
void master::impl::watch_application(application_entry& application) {
  if (application.over)
    return;
  // Executors that started when its connection ended may look for it in vain, and say nothing of it.
  const bool connected = application.peer != no_peer || now_ - application.peer_lost_at < settings_.driver_return;
  const bool runs =
      std::ranges::any_of(application.executors, [&](const auto& each) { return each.second.living() && (each.second.met || connected); });
  const auto patience = runs ? settings_.application_timeout : settings_.application_timeout_idle;
  const auto silent = now_ - application.last_heard;
  const bool gone = driver_seems_gone(application);
  if (gone && now_ - application.peer_lost_at < settings_.driver_return)
    return wake(application.peer_lost_at + settings_.driver_return);
  if (gone)
    end_application(application, application_state::failed, "its driver is gone: an executor has lost it, too");
  else if (silent >= patience)
    end_application(application, application_state::failed, "its driver was silent for " + seconds_text(silent));
}

void master::impl::end_application(application_entry& application, application_state result, const std::string& reason) {
  if (application.over)
    return;
  application.over = true;
  application.result = result;
  application.ended = reason.empty() ? "it is over" : reason;
  application.ended_at = wall_;
  application.progress.jobs_active = application.progress.stages_active = application.progress.tasks_active = 0;
  if (application.journalled)
    write(application_over{application.id, result, reason, wall_});
  const auto how = result == application_state::finished ? notice::level::info : notice::level::warning;
  say(how, "application " + application.id + " (" + application.name + ") is over" + (reason.empty() ? "" : ": " + reason));
  while (!application.executors.empty())
    dismiss(application, application.executors.begin()->first);
  application.described.reset();
  application.missing.clear();
  application.released.clear();
  tell_everybody(); // workers may remove its directories
}

void master::impl::fail_afterwards(application_entry& application, const std::string& reason) {
  application.result = application_state::failed;
  application.ended = reason;
  if (application.journalled)
    write(application_over{application.id, application.result, reason, application.ended_at});
}

void master::impl::forget_old_applications() {
  auto over = static_cast<std::size_t>(std::ranges::count_if(applications_, [](const auto& each) { return each.second.over; }));
  for (auto at = applications_.begin(); at != applications_.end() && over > settings_.retained_applications;) {
    if (!at->second.over) {
      ++at;
      continue;
    }
    applications_by_id_.erase(at->second.id);
    applications_by_token_.erase(at->second.token);
    told_applications_.erase(at->first);
    at = applications_.erase(at);
    --over;
  }
}

std::uint32_t master::impl::cores_of(const application_entry& application) {
  std::uint32_t cores = 0;
  for (const auto& [number, executor] : application.executors)
    if (executor.living() && !executor.leaving)
      cores += executor.cores;
  return cores;
}

/// While executors of former leaders were not heard of, others may have got their cores: the youngest end.
void master::impl::trim(application_entry& application) {
  const auto said = application.described->cores_max;
  const auto most = said == no_limit ? settings_.default_cores : said;
  for (auto cores = cores_of(application); cores > most;) {
    auto at = std::prev(application.executors.end());
    while (!at->second.living() || at->second.leaving)
      --at;
    cores -= at->second.cores;
    say(notice::level::info,
        "application " + application.id + " has more cores than it wants: executor " + std::to_string(at->first) + " ends");
    dismiss(application, at->first);
  }
}

std::uint32_t master::impl::cores_wanted(const application_entry& application) const {
  if (!application.described)
    return 0;
  const auto said = application.described->cores_max;
  const auto most = said == no_limit ? settings_.default_cores : said;
  return most - std::min(most, cores_of(application));
}

application_grants master::impl::grants_for(const application_entry& application) const {
  application_grants grants;
  grants.term = term_;
  grants.sequence = application.sequence;
  grants.recovering = recovering_;
  grants.id = application.id;
  grants.ended = application.over ? application.ended : std::string();
  grants.introduce = !application.over && !application.described;
  grants.missing = application.missing;
  std::size_t positions = 0;
  for (const auto& [number, executor] : application.executors) {
    positions += executor.positions.size();
    grants.executors.push_back({number, executor.incarnation, executor.worker, executor.host, executor.cores, executor.memory_bytes,
                                executor.leaving, executor.state, executor.end, executor.reason,
                                positions <= master_limits::launch_bytes ? executor.positions : std::string()});
  }
  for (const auto& [name, worker] : workers_)
    if (!worker.dead) {
      ++grants.workers;
      grants.cores_free += usable(worker) ? worker.cores_free() : 0;
    }
  return grants;
}

} // namespace salamander::scheduler::cluster
