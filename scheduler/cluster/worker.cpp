#include <salamander/scheduler/cluster/worker.hpp>

#include <salamander/scheduler/cluster/names.hpp>
#include <salamander/scheduler/cluster/planted.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace salamander::scheduler::cluster {
namespace {

std::string whole_seconds(duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

} // namespace

std::string text_of(const process_key& key) {
  return (key.driver ? "attempt " : "executor ") + std::to_string(key.number) + " of " + key.owner;
}

worker_machine::worker_machine(limits bounds) : limits_(std::move(bounds)) {}

std::vector<worker_machine::action> worker_machine::handle(const event& what, time_point now) {
  now_ = now;
  if (ending_ == ending::done)
    return {};
  std::visit([this](const auto& one) { on(one); }, what);
  start_what_fits();
  report_if_due();
  check_end();
  ask_for_wake();
  return std::exchange(actions_, {});
}

std::uint32_t worker_machine::cores_used() const noexcept {
  std::uint32_t used = 0;
  for (const auto& [key, one] : processes_)
    used += one.alive() ? one.cores : 0;
  return used;
}

bool worker_machine::runs(const std::string& owner, std::uint32_t number) const noexcept {
  return std::ranges::any_of(
      processes_, [&](const auto& each) { return each.first.owner == owner && each.first.number == number && each.second.alive(); });
}

void worker_machine::say(notice::level how, std::string text) {
  actions_.emplace_back(notice{how, std::move(text)});
}

// -- masters ------------------------------------------------------------------

void worker_machine::on(const master_found&) {
  connected_ = true;
  heard_ = now_;
  changed_ = true;
  reported_ = {};
}

void worker_machine::on(const master_lost& what) {
  lose_master(what.hint);
}

void worker_machine::lose_master(const std::string& hint) {
  connected_ = false;
  if (!unreachable_since_)
    unreachable_since_ = unreachable_said_ = now_;
  actions_.emplace_back(seek_master{hint});
}

void worker_machine::on(const orders_came& what) {
  const auto& orders = what.orders;
  if (std::tie(orders.term, orders.sequence, orders.number) < std::tie(term_, considered_, number_) && !planted(defect::old_orders_obeyed))
    return; // of a master that does not lead any more, or older than what was followed
  term_ = orders.term;
  considered_ = orders.sequence;
  number_ = orders.number;
  heard_ = now_;
  unreachable_since_.reset();
  if (!orders.refused.empty()) {
    say(notice::level::error, "the master refused this worker: " + orders.refused);
    return begin_end(1, "the master refused this worker: " + orders.refused);
  }
  if (!std::exchange(registered_, true))
    actions_.emplace_back(registered{});
  if (!orders.recovering)
    follow(orders);
}

// -- orders -------------------------------------------------------------------

void worker_machine::follow(const worker_orders& orders) {
  for (auto& [key, one] : processes_)
    one.listed = false;
  for (const auto& one : orders.executors)
    list({false, one.application, one.executor, one.incarnation}, one, one.leaving);
  for (const auto& one : orders.drivers)
    list({true, one.driver, one.attempt, 0}, one, false);
  for (auto at = processes_.begin(); at != processes_.end();) {
    auto& one = at->second;
    if (!one.listed && !one.alive()) {
      at = processes_.erase(at);
      changed_ = true;
      continue;
    }
    if (!one.listed)
      kill(at->first, one, process_end::killed, "its master does not want it any more", limits_.kill_grace);
    ++at;
  }
  forget_owners(orders);
}

template <class Order>
void worker_machine::list(process_key key, const Order& order, bool leaving) {
  if (const auto known = processes_.find(key); known != processes_.end()) {
    known->second.listed = true;
    known->second.leaving = known->second.leaving || leaving;
    return;
  }
  auto& one = processes_[key];
  one.ordinal = next_ordinal_++;
  one.cores = order.cores;
  one.memory_bytes = order.memory_bytes;
  one.leaving = leaving;
  one.launch = order.launch;
  one.program = order.program;
  one.files = order.files;
  changed_ = true;
  admit(key, one);
}

void worker_machine::admit(const process_key& key, entry& one) {
  if (ending_ != ending::no)
    return fail_unstarted(key, one);
  if (auto why = why_impossible(key, one); !why.empty()) {
    say(notice::level::error, text_of(key) + " cannot be started: " + why);
    return fail(one, process_end::not_started, std::move(why));
  }
  owners_.insert(key.owner);
  auto wanted = one.files;
  wanted.insert(wanted.end(), one.program.begin(), one.program.end());
  for (const auto& file : wanted) {
    one.missing.insert(file.sha256);
    if (fetching_.insert(file.sha256).second)
      actions_.emplace_back(fetch_file{file});
  }
}

std::string worker_machine::why_impossible(const process_key& key, const entry& one) const {
  if (!is_cluster_id(key.owner))
    return "its application's name is none"; // and is not repeated: it could be anything
  if (one.launch.empty() || one.program.size() != 1)
    return "the master did not say how to start it";
  for (const auto* list : {&one.program, &one.files})
    for (const auto& file : *list)
      if (auto wrong = what_is_wrong_with(file); !wrong.empty())
        return wrong;
  if (one.cores > limits_.cores || one.memory_bytes > limits_.memory_bytes)
    return "it needs " + std::to_string(one.cores) + " cores and " + std::to_string(one.memory_bytes >> 20) +
           " MiB of memory, and this worker offers " + std::to_string(limits_.cores) + " and " + std::to_string(limits_.memory_bytes >> 20);
  return "";
}

void worker_machine::fail(entry& one, process_end how, std::string reason) {
  one.at = phase::ended;
  one.end = how;
  one.reason = std::move(reason);
  one.launch.clear();
  one.missing.clear();
  changed_ = true;
}

void worker_machine::forget_owners(const worker_orders& orders) {
  std::set<std::string> needed(orders.applications.begin(), orders.applications.end());
  for (const auto& [key, one] : processes_)
    needed.insert(key.owner);
  std::erase_if(owners_, [&](const std::string& owner) {
    if (needed.contains(owner))
      return false;
    actions_.emplace_back(owner_over{owner});
    return true;
  });
}

// -- files --------------------------------------------------------------------

void worker_machine::on(const file_ready& what) {
  fetching_.erase(what.sha256);
  for (auto& [key, one] : processes_)
    if (one.at == phase::fetching && one.missing.erase(what.sha256) > 0 && one.missing.empty())
      one.at = phase::waiting;
}

void worker_machine::on(const file_failed& what) {
  fetching_.erase(what.sha256);
  for (auto& [key, one] : processes_)
    if (one.at == phase::fetching && one.missing.contains(what.sha256)) {
      say(notice::level::error, text_of(key) + " cannot be started: " + what.reason);
      fail(one, process_end::not_started, what.reason);
    }
}

// -- processes ----------------------------------------------------------------

void worker_machine::start_what_fits() {
  std::vector<table::value_type*> ready;
  for (auto& one : processes_)
    if (one.second.at == phase::waiting)
      ready.push_back(&one);
  std::ranges::sort(ready, {}, [](const auto* one) { return one->second.ordinal; });
  for (auto* next : ready) {
    auto& [key, one] = *next;
    if (!fits(key, one))
      continue;
    one.at = phase::starting;
    actions_.emplace_back(start_process{key, one.cores, one.memory_bytes, std::exchange(one.launch, {}), one.program.front(), one.files});
  }
}

bool worker_machine::fits(const process_key& key, const entry& one) const {
  std::uint64_t memory = one.memory_bytes;
  for (const auto& [other, each] : processes_) {
    if (!each.alive())
      continue;
    memory += each.memory_bytes;
    // Two of the same number would share a directory; a driver that runs twice would do its work twice.
    if (other.driver == key.driver && other.owner == key.owner && (key.driver || other.number == key.number))
      return false;
  }
  return cores_used() + one.cores <= limits_.cores && memory <= limits_.memory_bytes;
}

void worker_machine::on(const process_started& what) {
  const auto at = processes_.find(what.process);
  if (at == processes_.end() || at->second.at != phase::starting)
    return;
  at->second.at = phase::running;
  changed_ = true;
}

void worker_machine::on(const process_ended& what) {
  const auto at = processes_.find(what.process);
  if (at == processes_.end() || !at->second.alive())
    return;
  auto& one = at->second;
  if (one.ends_as != process_end::none)
    fail(one, one.ends_as, one.kill_reason);
  else if (what.how == process_end::finished && !what.process.driver && (one.leaving || ending_ != ending::no))
    fail(one, process_end::decommissioned, what.reason);
  else
    fail(one, what.how, what.reason);
  one.exit_code = what.exit_code;
  one.positions = what.positions;
  if (!one.listed)
    processes_.erase(at);
}

/// It never ran: a driver may be started elsewhere.
void worker_machine::fail_unstarted(const process_key& key, entry& one) {
  fail(one, key.driver ? process_end::not_started : process_end::decommissioned, "the worker is being decommissioned");
}

void worker_machine::kill(const process_key& key, entry& one, process_end as, const std::string& reason, duration grace) {
  if (one.ends_as != process_end::none && grace > duration::zero())
    return; // it was asked already
  one.ends_as = one.ends_as == process_end::none ? as : one.ends_as;
  one.kill_reason = reason;
  actions_.emplace_back(kill_process{key, reason, grace});
}

void worker_machine::kill_all(process_end as, const std::string& reason, duration grace) {
  for (auto& [key, one] : processes_)
    if (one.alive())
      kill(key, one, as, reason, grace);
    else if (one.at != phase::ended)
      fail(one, as, reason);
}

// -- time and the end ---------------------------------------------------------

void worker_machine::on(const tick&) {
  if (connected_ && now_ - heard_ >= limits_.master_timeout) {
    say(notice::level::warning, "nothing was heard from the master for " + whole_seconds(now_ - heard_) + ": looking for one that leads");
    lose_master("");
  }
  if (unreachable_since_ && now_ - unreachable_said_ >= limits_.unreachable_notice) {
    unreachable_said_ = now_;
    say(notice::level::warning, "no master has answered for " + whole_seconds(now_ - *unreachable_since_) + "; what runs here goes on");
  }
  if (ending_ == ending::leaving && now_ >= stop_at_)
    begin_end(0, "decommissioned");
}

void worker_machine::on(const stop&) {
  if (ending_ != ending::no) {
    ending_ = ending::now;
    return kill_all(process_end::decommissioned, "the worker was ended", duration::zero());
  }
  ending_ = ending::leaving;
  end_reason_ = "decommissioned";
  stop_at_ = now_ + limits_.stop_grace;
  changed_ = true;
  for (auto& [key, one] : processes_)
    if (one.at == phase::fetching || one.at == phase::waiting)
      fail_unstarted(key, one);
  say(notice::level::info, "leaving the cluster: what runs here has " + whole_seconds(limits_.stop_grace));
}

void worker_machine::begin_end(int exit_code, std::string reason) {
  if (ending_ == ending::now)
    return;
  ending_ = ending::now;
  exit_code_ = exit_code;
  end_reason_ = std::move(reason);
  changed_ = true;
  kill_all(process_end::decommissioned, "the worker was decommissioned", limits_.kill_grace);
}

void worker_machine::check_end() {
  if (ending_ == ending::no || std::ranges::any_of(processes_, [](const auto& one) { return one.second.alive(); }))
    return;
  if (!all_dead_) {
    all_dead_ = now_;
    last_report_ = changed_ ? sequence_ + 1 : sequence_;
  }
  // A driver learns at once, not by a timeout, that its executors are gone when the last report arrives.
  if (connected_ && exit_code_ == 0 && considered_ < last_report_ && now_ - *all_dead_ < limits_.last_words)
    return;
  for (const auto& owner : owners_)
    actions_.emplace_back(owner_over{owner});
  owners_.clear();
  ending_ = ending::done;
  actions_.emplace_back(end{exit_code_, end_reason_});
}

// -- reports ------------------------------------------------------------------

void worker_machine::report_if_due() {
  if (!connected_ || now_ - reported_ < (changed_ ? limits_.report_gap : limits_.report_interval))
    return;
  reported_ = now_;
  changed_ = false;
  actions_.emplace_back(send_report{report()});
}

worker_report worker_machine::report() {
  worker_report made;
  made.worker = limits_.worker;
  made.sequence = ++sequence_;
  made.host = limits_.host;
  made.cores = limits_.cores;
  made.memory_bytes = limits_.memory_bytes;
  made.leaving = ending_ != ending::no;
  made.runs_drivers = limits_.runs_drivers;
  made.formerly = limits_.formerly;
  for (const auto& [key, one] : processes_) {
    const auto state = one.at == phase::ended     ? process_state::ended
                       : one.at == phase::running ? process_state::running
                                                  : process_state::starting;
    if (key.driver)
      made.drivers.push_back({key.owner, key.number, one.cores, one.memory_bytes, state, one.end, one.exit_code, one.reason});
    else
      made.executors.push_back(
          {key.owner, key.number, key.incarnation, one.cores, one.memory_bytes, state, one.end, one.reason, one.positions});
  }
  return made;
}

void worker_machine::ask_for_wake() {
  if (ending_ == ending::done)
    return;
  auto next = time_point::max();
  if (connected_)
    next = std::min(reported_ + (changed_ ? limits_.report_gap : limits_.report_interval), heard_ + limits_.master_timeout);
  if (unreachable_since_)
    next = std::min(next, unreachable_said_ + limits_.unreachable_notice);
  if (ending_ == ending::leaving)
    next = std::min(next, stop_at_);
  if (all_dead_)
    next = std::min(next, *all_dead_ + limits_.last_words);
  if (next == time_point::max() || (wake_ > now_ && wake_ <= next))
    return;
  wake_ = std::max(next, now_);
  actions_.emplace_back(wake_at{wake_});
}

} // namespace salamander::scheduler::cluster
