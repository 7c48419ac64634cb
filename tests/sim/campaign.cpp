#include "campaign.hpp"

#include "seed_runs.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace salamander::sim {

void summary::add(const run_result& one) {
  ++runs;
  events += one.events;
  virtual_seconds += std::chrono::duration<double>(one.virtual_time).count();
  counts.progress += one.counts.progress;
  counts.tasks_launched += one.counts.tasks_launched;
  counts.reports += one.counts.reports;
  counts.fetch_failures += one.counts.fetch_failures;
  counts.executors_lost += one.counts.executors_lost;
  counts.executors_started += one.counts.executors_started;
  counts.jobs_succeeded += one.counts.jobs_succeeded;
  counts.jobs_failed += one.counts.jobs_failed;
  corruption.injected += one.corruption.injected;
  corruption.refused += one.corruption.refused;
  corruption.not_read += one.corruption.not_read;
  corruption.accepted += one.corruption.accepted;
  messages.sent += one.messages.sent;
  messages.lost += one.messages.lost;
  messages.repeated += one.messages.repeated;
  messages.delayed += one.messages.delayed;
  for (std::size_t i = 0; i < injected.size(); ++i)
    injected[i] += one.injected[i];
  if (!one.failed)
    return;
  ++failures[one.check];
  failed.push_back(one);
}

summary run_campaign(const campaign_options& options) {
  summary all;
  std::mutex mutex;
  const auto start = std::chrono::steady_clock::now();
  const auto work = [&](std::uint64_t seed) {
    const auto plan = make_scenario(seed);
    auto result = run(plan);
    const bool again = options.replay_every != 0 && seed % options.replay_every == 0;
    if (again && !result.failed) {
      const auto second = run(make_scenario(seed));
      if (second.hash != result.hash) {
        result.failed = true;
        result.check = "M1 replay";
        result.text = "the same seed had another course the second time";
      }
    }
    const std::lock_guard lock(mutex);
    all.add(result);
    all.replayed += again ? 1 : 0;
  };
  in_threads(options.threads, options.first_seed, options.seeds, work, [&] {
    const std::lock_guard lock(mutex);
    take_probes(all.probes);
  });
  std::sort(all.failed.begin(), all.failed.end(), [](const auto& a, const auto& b) { return a.seed < b.seed; });
  all.real_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return all;
}

std::vector<caught_defect> hunt(const std::vector<core::defect>& defects, std::uint64_t seeds_max, unsigned threads) {
  std::vector<caught_defect> found(defects.size());
  const auto work = [&](std::uint64_t i) {
    auto& one = found[i];
    one.which = defects[i];
    for (std::uint64_t seed = 1; seed <= seeds_max && !one.seed; ++seed) {
      const auto plan = make_scenario(seed);
      plant(one.which);
      const auto result = run(plan);
      plant(core::defect::none);
      if (!result.failed || run(plan).failed)
        continue;
      one.seed = seed;
      one.check = result.check;
    }
  };
  in_threads(threads, 0, defects.size(), work, [] {
    std::map<std::string, std::uint64_t> ignored;
    take_probes(ignored);
  });
  return found;
}

} // namespace salamander::sim
