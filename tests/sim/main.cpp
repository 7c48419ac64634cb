// The simulator's command line.
#include "campaign.hpp"
#include "minimise.hpp"
#include "seed_runs.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace {

using namespace salamander;
using namespace salamander::sim;

constexpr const char* usage = "usage: sim [--seeds N] [--first-seed S] [--jobs J] [--replay-every K] [--require-probes]\n"
                              "           runs seeds; every K-th twice. Fails if an invariant is broken, or a probe was never passed\n"
                              "       sim --seed S [--trace] [--defect NAME] [--minimise]\n"
                              "           one run, told in full with --trace\n"
                              "       sim --seeds-of FILE\n"
                              "           runs the seeds with which the lines of a file begin, but for those that begin with #\n"
                              "       sim --defects [--seeds N] [--jobs J]\n"
                              "           plants every defect in turn, and fails unless each is noticed within N seeds\n";

struct options : seed_options<core::defect> {
  std::uint32_t replay_every = 100;
  std::string seeds_of;
  bool require_probes = false;
};

options parse(int argc, char** argv) {
  options made;
  for (argument_reader line(argc, argv); line.next();) {
    if (made.take(line, defect_of))
      continue;
    if (line.word() == "--replay-every")
      made.replay_every = static_cast<std::uint32_t>(number(line.value()));
    else if (line.word() == "--seeds-of")
      made.seeds_of = line.value();
    else if (line.word() == "--require-probes")
      made.require_probes = true;
    else
      throw std::invalid_argument("unknown option " + std::string(line.word()));
  }
  return made;
}

/// The schedule as small as it can be, and what it leads to.
void explain(const run_result& failed, core::defect defect) {
  const auto fails_again = [&](const scenario& candidate) {
    plant(defect);
    const auto result = run(candidate);
    plant(core::defect::none);
    return result.failed && result.check == failed.check;
  };
  const auto small = sim::minimise(make_scenario(failed.seed), fails_again);
  plant(defect);
  const auto again = run(small);
  plant(core::defect::none);
  std::printf("seed %llu, as small as it fails: %s: %s\n%s", static_cast<unsigned long long>(failed.seed), again.check.c_str(),
              again.text.c_str(), small.text().c_str());
  std::printf("at the end:\n%s", again.why_not_live.c_str());
}

void print(const summary& all) {
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%llu runs (%llu of them twice), %.2f simulated hours in %.1f s: %.0f times as fast as real time\n", n(all.runs),
              n(all.replayed), all.virtual_seconds / 3600, all.real_seconds, all.virtual_seconds / std::max(0.001, all.real_seconds));
  std::printf("%llu events, %llu jobs succeeded, %llu failed as they should, %llu tasks launched, %llu fetches failed, "
              "%llu of %llu executors lost\n",
              n(all.events), n(all.counts.jobs_succeeded), n(all.counts.jobs_failed), n(all.counts.tasks_launched),
              n(all.counts.fetch_failures), n(all.counts.executors_lost), n(all.counts.executors_started));
  std::printf(
      "%llu messages sent, %llu lost, %llu repeated, %llu out of order; %llu blocks changed on their way, %llu refused, %llu not read\n",
      n(all.messages.sent), n(all.messages.lost), n(all.messages.repeated), n(all.messages.delayed), n(all.corruption.injected),
      n(all.corruption.refused), n(all.corruption.not_read));
  std::printf("faults:");
  for (std::size_t i = 0; i < all.injected.size(); ++i)
    std::printf("%s %s %llu", i == 0 ? "" : ",", std::string(name_of(static_cast<fault_kind>(i))).c_str(), n(all.injected[i]));
  std::printf("\nprobes:\n");
  for (const auto name : known_probes()) {
    const auto at = all.probes.find(std::string(name));
    std::printf("  %10llu  %s\n", n(at == all.probes.end() ? 0 : at->second), std::string(name).c_str());
  }
  for (const auto& [check, times] : all.failures)
    std::printf("broken: %s in %llu runs\n", check.c_str(), n(times));
  std::printf("%zu runs broke an invariant\n", all.failed.size());
}

int run_one(const options& asked) {
  const auto plan = make_scenario(*asked.seed);
  if (asked.trace)
    std::printf("%s", plan.text().c_str());
  plant(asked.defect);
  const auto result = run(plan, asked.trace);
  plant(core::defect::none);
  if (!result.failed) {
    print_success(result);
    return 0;
  }
  print_failure(result);
  std::printf("at the end:\n%s", result.why_not_live.c_str());
  if (asked.minimise)
    explain(result, asked.defect);
  return 1;
}

int run_many(const options& asked) {
  constexpr std::size_t named_max = 20;
  constexpr std::size_t explained_max = 3;
  const auto all = run_campaign({asked.first_seed, asked.seeds.value_or(200), asked.threads, asked.replay_every});
  for (std::size_t i = 0; i < std::min(named_max, all.failed.size()); ++i)
    print_failure(all.failed[i]);
  for (std::size_t i = 0; i < std::min(explained_max, all.failed.size()); ++i)
    if (all.failed[i].check != "M1 replay")
      explain(all.failed[i], core::defect::none);
  print(all);
  bool bad = !all.failed.empty();
  if (asked.require_probes)
    for (const auto name : known_probes())
      if (!all.probes.contains(std::string(name))) {
        std::printf("no run passed the probe \"%s\"\n", std::string(name).c_str());
        bad = true;
      }
  return bad ? 1 : 0;
}

int run_listed(const options& asked) {
  std::ifstream list(asked.seeds_of);
  if (!list)
    throw std::invalid_argument(asked.seeds_of + " cannot be read");
  std::size_t runs = 0;
  std::size_t broken = 0;
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line.front() == '#')
      continue;
    const auto result = run(make_scenario(number(line.substr(0, line.find(' ')).c_str())));
    ++runs;
    if (!result.failed)
      continue;
    ++broken;
    print_failure(result);
    std::printf("  it is listed as: %s\n", line.c_str());
  }
  std::printf("%zu runs, %zu of them broke an invariant\n", runs, broken);
  return runs == 0 || broken > 0 ? 1 : 0;
}

int hunt_defects(const options& asked) {
  std::vector<core::defect> wanted;
  for (std::size_t i = 1; i < static_cast<std::size_t>(core::defect::count_); ++i)
    wanted.push_back(static_cast<core::defect>(i));
  bool all_caught = true;
  for (const auto& one : hunt(wanted, asked.seeds.value_or(1000), asked.threads)) {
    all_caught = all_caught && one.seed;
    if (one.seed)
      print_noticed(name_of(one.which), *one.seed, one.check);
    else
      print_unnoticed(name_of(one.which));
  }
  return all_caught ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  return run_command("sim", usage, [&] {
    const auto asked = parse(argc, argv);
    if (asked.defects)
      return hunt_defects(asked);
    if (!asked.seeds_of.empty())
      return run_listed(asked);
    return asked.seed ? run_one(asked) : run_many(asked);
  });
}
