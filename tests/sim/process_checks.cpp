#include "process_checks.hpp"

#include <algorithm>

namespace salamander::sim {

void process_checks::starts(const scheduler::executor_supervisor::start_process& what, bool stopping) {
  auto& one = slots_.at(what.slot);
  const auto name = [&] { return "slot " + std::to_string(what.slot) + ", executor " + std::to_string(what.executor.value); };
  check(!stopping, "S7 stop", [&] { return name() + ": a process is started although the application ends"; });
  check(!one.executor, "S6 one owner", [&] { return name() + ": the process before has not ended"; });
  check(used_.insert(what.executor).second, "S6 one owner", [&] { return name() + ": the number was used before"; });
  check(one.failed_starts < world_.settings.restarts.start_failures_max, "S5 starts",
        [&] { return name() + ": started once more than may fail"; });
  one.executor = what.executor;
  one.was_admitted = false;
}

// Counted when they are planned: a driver that was stopped meanwhile starts them late, and then closer together.
void process_checks::restart_planned(const scheduler::executor_supervisor::start_later& what, bool stopping) {
  check(!stopping, "S7 stop", [&] { return "slot " + std::to_string(what.slot) + ": a restart is planned although the application ends"; });
  auto& planned = slots_.at(what.slot).restarts;
  if (!planned.empty() && planned.back() == what.when)
    return;
  planned.push_back(what.when);
  const auto& limits = world_.settings.restarts;
  check(planned.size() <= limits.restarts_max || planned.back() - planned[planned.size() - 1 - limits.restarts_max] >= limits.window,
        "S5 restart intensity", [&] {
          return "slot " + std::to_string(what.slot) + ": more than " + std::to_string(limits.restarts_max) + " restarts within the window";
        });
}

void process_checks::admitted(executor_id executor) {
  for (auto& one : slots_)
    if (one.executor == executor) {
      one.was_admitted = true;
      one.failed_starts = 0;
    }
}

void process_checks::ended(executor_id executor) {
  for (auto& one : slots_)
    if (one.executor == executor) {
      one.executor.reset();
      one.failed_starts += one.was_admitted ? 0 : 1;
    }
}

void process_checks::exhausted() const {
  const auto limit = world_.settings.restarts.start_failures_max;
  check(std::all_of(slots_.begin(), slots_.end(), [&](const slot& one) { return one.failed_starts >= limit; }), "S10 honest",
        [] { return std::string("executors are given up although some slot has not failed as often as it may"); });
}

} // namespace salamander::sim
