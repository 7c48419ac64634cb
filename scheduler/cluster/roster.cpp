#include <salamander/scheduler/cluster/roster.hpp>

#include <salamander/scheduler/cluster/planted.hpp>

#include <algorithm>
#include <utility>

namespace salamander::scheduler::cluster {
namespace {

/// Registrations that wait for their grant. More would be strangers'.
constexpr std::uint32_t early_max = 4096;

std::string end_of(const granted_executor& one) {
  return one.reason.empty() ? (one.end == process_end::worker_lost ? "its worker is gone" : "its worker says that it ended") : one.reason;
}

} // namespace

roster::roster(const limits& bounds, std::string token, time_point now)
    : limits_(bounds), token_(std::move(token)), wanted_(bounds.executors_wanted), started_(now), heard_(now), reported_(now),
      lonely_since_(now), now_(now) {}

std::vector<roster::action> roster::handle(const event& what, time_point now) {
  now_ = now;
  std::visit([this](const auto& one) { on(one); }, what);
  return std::exchange(actions_, {});
}

std::uint32_t roster::cores() const noexcept {
  std::uint32_t all = 0;
  for (const auto& [number, one] : members_)
    all += one.admitted && !one.bury_at ? one.grant.cores : 0;
  return all;
}

void roster::report() {
  reported_ = now_;
  if (!connected_ || stopping_)
    return;
  application_report what;
  what.token = token_;
  what.id = id_;
  what.sequence = ++sequence_;
  what.executors_max = wanted_;
  what.released.assign(released_.begin(), released_.end());
  what.buried.assign(buried_.begin(), buried_.end());
  actions_.emplace_back(send_report{std::move(what), introduce_});
}

void roster::on(const master_found&) {
  connected_ = true;
  heard_ = now_;
  introduce_ = true; // who knows whom this one heard of
  report();
}

void roster::on(const master_lost&) {
  if (!std::exchange(connected_, false) || stopping_)
    return;
  actions_.emplace_back(seek_master{});
}

void roster::on(const granted& what) {
  const auto& grants = what.what;
  if (stopping_ || over_ || grants.term < term_)
    return; // of a master that is none any more
  term_ = grants.term;
  heard_ = now_;
  introduce_ = grants.introduce;
  if (!grants.missing.empty())
    actions_.emplace_back(send_files{grants.missing});
  if (grants.introduce)
    report();
  if (grants.recovering)
    return;
  if (!grants.ended.empty()) {
    over_ = true;
    actions_.emplace_back(given_up{errc::no_executors, "the cluster ended this application: " + grants.ended});
    return;
  }
  if (!grants.id.empty() && id_.empty()) {
    id_ = grants.id;
    actions_.emplace_back(joined{id_});
  }
  workers_ = grants.workers;
  cores_free_ = grants.cores_free;
  std::set<std::uint32_t> listed;
  for (const auto& one : grants.executors) {
    listed.insert(one.executor);
    take(one);
  }
  // What the master does not list, nobody has to be told about again.
  std::erase_if(released_, [&](std::uint32_t one) { return !listed.contains(one); });
  std::erase_if(buried_, [&](std::uint32_t one) { return !listed.contains(one); });
  check_manned();
}

void roster::take(const granted_executor& one) {
  if (gone_.contains(one.executor)) { // a new master has heard of it from a worker that was cut off
    (one.state == process_state::ended ? buried_ : released_).insert(one.executor);
    return;
  }
  auto at = members_.find(one.executor);
  if (one.state == process_state::ended) {
    if (at == members_.end()) {
      buried_.insert(one.executor);
      gone_.insert(one.executor);
    } else
      bury_one(one.executor, end_of(one), one.positions, one.end == process_end::worker_lost);
    return report(); // the master may forget it
  }
  if (at == members_.end())
    at = members_.emplace(one.executor, member{}).first;
  auto& known = at->second;
  if (!known.granted && known.registered)
    --early_;
  known.granted = true;
  known.grant = one;
  if (known.registered && !known.admitted)
    admit_one(one.executor, known);
  else
    say_if_it_leaves(one.executor, known);
}

void roster::say_if_it_leaves(std::uint32_t number, member& one) {
  if (one.admitted && one.grant.leaving && !one.bury_at && !std::exchange(one.said_that_it_leaves, true))
    actions_.emplace_back(leaves{{number}, "its worker leaves"});
}

void roster::on(const executor_registered& who) {
  if (stopping_)
    return;
  const auto turn_away = [&](const std::string& text) {
    actions_.emplace_back(notice{notice::level::error, "refused executor " + std::to_string(who.executor.value) + " (process " +
                                                           std::to_string(who.process) + "): " + text});
    actions_.emplace_back(refuse{who.executor, text});
    return text;
  };
  if (who.protocol != limits_.protocol || !who.mismatch.empty()) {
    const auto text = turn_away(!who.mismatch.empty() ? who.mismatch
                                                      : "it speaks protocol version " + std::to_string(who.protocol) + ", this driver " +
                                                            std::to_string(limits_.protocol));
    if (!manned_ && !std::exchange(over_, true))
      actions_.emplace_back(given_up{errc::build_mismatch, text});
    return;
  }
  const auto number = who.executor.value;
  const auto at = members_.find(number);
  if (gone_.contains(number) || (at != members_.end() && at->second.bury_at)) {
    turn_away("this driver had given it up");
    return;
  }
  if (at == members_.end()) {
    // The worker was faster than the grant. A stranger waits here in vain.
    if (early_ >= early_max)
      return;
    ++early_;
    members_[number].registered = who;
    return;
  }
  auto& known = at->second;
  if (!known.granted) {
    known.registered = who;
    return;
  }
  if (known.grant.incarnation != who.incarnation) {
    turn_away("this driver does not wait for it");
    return;
  }
  if (!known.admitted) {
    known.registered = who;
    admit_one(number, known);
    return check_manned();
  }
  if (known.registered->process != who.process)
    turn_away("it had registered before");
  else
    actions_.emplace_back(welcome_again{who.executor});
}

void roster::admit_one(std::uint32_t number, member& one) {
  const auto who = *one.registered;
  if (who.incarnation != one.grant.incarnation) {
    one.registered.reset();
    actions_.emplace_back(refuse{{number}, "this driver does not wait for it"});
    return;
  }
  one.admitted = true;
  lonely_since_.reset();
  actions_.emplace_back(admit{{number}, who.incarnation, who.process, who.cores, one.grant.host, one.grant.worker});
  say_if_it_leaves(number, one);
}

void roster::check_manned() {
  const auto there = [](const auto& entry) { return !entry.second.granted || entry.second.admitted; };
  if (manned_ || cores() == 0 || !std::ranges::all_of(members_, there))
    return;
  manned_ = true;
  actions_.emplace_back(manned{});
}

void roster::bury_one(std::uint32_t number, const std::string& reason, const std::string& positions, bool worker_lost) {
  const auto at = members_.find(number);
  if (at == members_.end())
    return;
  auto& one = at->second;
  if (!one.granted)
    --early_;
  // What its link was lost for says more than that it was killed then.
  const bool killed_by_us = one.bury_at && released_.contains(number);
  actions_.emplace_back(bury{{number}, killed_by_us ? one.reason : reason, positions, one.admitted, worker_lost});
  buried_.insert(number);
  if (!planted(defect::buried_comes_back))
    gone_.insert(number);
  members_.erase(at);
  if (cores() == 0)
    lonely_since_ = now_;
}

void roster::on(const link_lost& what) {
  const auto at = members_.find(what.executor.value);
  if (at == members_.end() || at->second.bury_at)
    return;
  auto& one = at->second;
  one.reason = what.reason;
  // One that was silent may never be heard of again: its worker may be cut off as well.
  one.bury_at = now_ + (what.connection_ended ? limits_.natural_end_grace : duration::zero());
  if (!what.connection_ended)
    released_.insert(what.executor.value);
  report();
  if (what.connection_ended)
    actions_.emplace_back(wake_at{*one.bury_at});
  else
    on(tick{});
}

void roster::on(const unwanted& what) {
  on(link_lost{what.executor, (what.released ? "" : "killed: ") + what.reason, false});
}

void roster::on(const wanted& what) {
  if (std::exchange(wanted_, what.executors) != what.executors)
    report();
}

void roster::on(const tick&) {
  std::vector<std::pair<std::uint32_t, std::string>> due;
  for (const auto& [number, one] : members_)
    if (one.bury_at && *one.bury_at <= now_)
      due.emplace_back(number, one.reason);
  for (const auto& [number, reason] : due) {
    released_.insert(number); // if it lives after all, it shall not for long
    bury_one(number, reason, {}, false);
  }
  if (stopping_ || over_)
    return;
  if (id_.empty() && now_ - started_ >= limits_.join_max) {
    over_ = true;
    actions_.emplace_back(given_up{errc::no_executors, "no master has answered: all of them are down, stand by, or cannot be reached"});
    return;
  }
  if (connected_ && now_ - heard_ >= limits_.master_silence_max) {
    connected_ = false;
    actions_.emplace_back(seek_master{});
  }
  if (now_ - reported_ >= limits_.report_interval || !due.empty())
    report();
  if (lonely_since_ && !id_.empty() && wanted_ > 0 && now_ - *lonely_since_ >= limits_.patience) {
    lonely_since_ = now_;
    actions_.emplace_back(
        notice{notice::level::warning, "jobs wait: the cluster has granted no executor that is there (" + std::to_string(workers_) +
                                           " workers, " + std::to_string(cores_free_) +
                                           " free cores); see \"salamander status\", and whether salamander.executor.memory and "
                                           "salamander.executor.cores fit a worker"});
  }
}

void roster::on(const stop&) {
  if (std::exchange(stopping_, true))
    return;
  for (const auto& [number, one] : members_)
    if (one.admitted)
      actions_.emplace_back(ask_to_leave{{number}});
}

} // namespace salamander::scheduler::cluster
