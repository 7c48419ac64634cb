// What must hold: at every moment, and once all has been healed.
#include "parties.hpp"

#include <algorithm>

namespace salamander::sim::cluster {
namespace {

bool is_over(sc::driver_state state) {
  return state == sc::driver_state::finished || state == sc::driver_state::failed || state == sc::driver_state::killed ||
         state == sc::driver_state::error;
}

} // namespace

/// The same attempt of a driver, or incarnation of an executor, never runs twice: neither where it ran nor elsewhere.
void world::process_starts(const std::string& key) {
  count("processes started");
  if (!processes_started_.insert(key).second)
    throw broken("started twice", key);
}

/// Without supervision a driver's work is begun once, whatever becomes of it.
void world::runs_once(const std::string& driver, std::uint32_t attempt) {
  if (attempt > 1)
    count("drivers that another worker could not start");
  if (!run_once_.insert(driver).second)
    throw broken("driver without supervision ran twice", driver);
}

/// Nobody may say of a driver that is heard that it is silent or gone.
void world::check_decision(const std::vector<sc::journal_record>& journal, const sc::journal_record& what) {
  const auto* const over = std::get_if<sc::application_over>(&what);
  if (!over || (over->reason.find("silent") == std::string::npos && over->reason.find("is gone") == std::string::npos))
    return;
  for (const auto& record : journal) {
    const auto* const joined = std::get_if<sc::application_joined>(&record);
    if (!joined || joined->id != over->application)
      continue;
    if (const auto* const driver = driver_with(joined->token); driver && driver->heard())
      throw broken("living application ended", joined->token + ": " + over->reason);
  }
}

void world::leader_begins(std::uint64_t term, const master_party& who) {
  if (term <= last_term_)
    throw broken("two leaders of a term", who.id() + " begins term " + std::to_string(term) + " after " + std::to_string(last_term_));
  last_term_ = term;
}

void world::check_always() {
  const master_party* leading = nullptr;
  for (const auto& one : masters_) {
    if (!one->leads())
      continue;
    if (leading)
      throw broken("two leaders at a time", leading->id() + " and " + one->id());
    leading = one.get();
  }
}

master_party* world::leader() {
  const auto at = std::ranges::find_if(masters_, [](const auto& one) { return one->leads(); });
  return at == masters_.end() ? nullptr : at->get();
}

/// Nobody waits for a driver that is dead, whatever was started for it.
void world::check_forgotten(time_point healed) {
  constexpr duration forgotten_after = 35s; // an executor that was ordered long ago looks for it for 30 s
  const auto* const led = leader();
  if (!led || led->decisions().recovering())
    return;
  const auto all = led->decisions().summary(now());
  for (const auto& one : drivers_) {
    if (one->running() || now() - std::max(healed, one->heard_at()) < forgotten_after)
      continue;
    const auto at = std::ranges::find(all.applications, one->id(), &sc::application_summary::id);
    if (at != all.applications.end() && (at->state == sc::application_state::waiting || at->state == sc::application_state::running))
      throw broken("dead driver not forgotten", at->id + " is " + text_of(at->state));
  }
}

/// Empty: everything is as it should be.
std::string world::why_not_converged() {
  const auto* const led = leader();
  if (!led || led->decisions().recovering())
    return led ? "the leader is recovering" : "nobody leads";
  const auto all = led->decisions().summary(now());
  for (auto why : {why_workers_wait(all), why_executors_wait(), why_drivers_wait(all)})
    if (!why.empty())
      return why;
  return {};
}

std::string world::why_workers_wait(const sc::cluster_summary& all) const {
  for (const auto& one : workers_) {
    if (!one->running())
      return one->name() + " has ended";
    const auto at = std::ranges::find(all.workers, one->name(), &sc::worker_summary::worker);
    if (at == all.workers.end() || at->state != sc::worker_state::alive)
      return one->name() + " is not one of the cluster's";
    std::uint32_t used = 0;
    for (const auto& [key, child] : one->children())
      used += child->cores;
    if (at->cores_used != used)
      return one->name() + " uses " + std::to_string(used) + " cores, and counts for " + std::to_string(at->cores_used);
  }
  return {};
}

/// Each application has what it wants, each executor has an application, and both know of each other.
std::string world::why_executors_wait() const {
  std::map<std::string, std::size_t> living;
  for (const auto& worker : workers_)
    for (const auto& [key, child] : worker->children()) {
      if (key.driver)
        continue;
      const auto at = drivers_by_token_.find(child->token);
      if (at == drivers_by_token_.end() || !at->second->running() || at->second->over())
        return text_of(key) + " runs, and its driver does not";
      if (!at->second->has(key.number, key.incarnation))
        return text_of(key) + " is not known to its driver";
      ++living[child->token];
    }
  for (const auto& one : drivers_) {
    if (!one->running() || one->over())
      continue;
    if (one->cores() != one->cores_max())
      return one->token() + " has " + std::to_string(one->cores()) + " of " + std::to_string(one->cores_max()) + " cores";
    if (one->executors() != living[one->token()])
      return one->token() + " lists " + std::to_string(one->executors()) + " executors; " + std::to_string(living[one->token()]) + " run";
  }
  return {};
}

/// What was accepted is never forgotten, and is over for a reason.
std::string world::why_drivers_wait(const sc::cluster_summary& all) const {
  if (all.drivers.size() > submitters_.size())
    throw broken("accepted twice",
                 std::to_string(all.drivers.size()) + " drivers of " + std::to_string(submitters_.size()) + " submissions");
  for (const auto& one : submitters_) {
    if (one->driver().empty())
      return "a submission is not answered";
    const auto at = std::ranges::find(all.drivers, one->driver(), &sc::driver_summary::driver);
    if (at == all.drivers.end())
      throw broken("accepted driver lost", one->driver() + " is not known any more");
    if (!is_over(at->state))
      return one->driver() + " is " + text_of(at->state);
    const auto as = at->driver + " is " + text_of(at->state) + ": " + at->reason;
    if (at->state == sc::driver_state::finished && !finished_well_.contains(at->driver))
      throw broken("end that did not happen", as);
    if (at->state == sc::driver_state::killed && !one->kill_asked())
      throw broken("killed by nobody", as);
    if (one->what().supervise && at->state != sc::driver_state::finished && at->state != sc::driver_state::killed)
      throw broken("supervised driver given up", as);
  }
  for (const auto& worker : workers_)
    for (const auto& [key, child] : worker->children())
      if (key.driver)
        return text_of(key) + " runs, and all drivers are over";
  for (const auto& one : drivers_) {
    const auto at = std::ranges::find(all.applications, one->id(), &sc::application_summary::id);
    if (at == all.applications.end() || one->id().empty())
      continue;
    const bool over = at->state != sc::application_state::waiting && at->state != sc::application_state::running;
    if (over != (!one->running() || one->over()))
      return at->id + " is " + text_of(at->state) + ", and its driver " + (one->running() ? "runs" : "does not run");
  }
  return {};
}

} // namespace salamander::sim::cluster
