// The command line of the simulator of clusters.
#include "../seed_runs.hpp"
#include "planting.hpp"
#include "world.hpp"

#include <cstdio>
#include <mutex>
#include <optional>

namespace {

using namespace salamander;
using namespace salamander::sim;

constexpr const char* usage = "usage: cluster_sim [--seeds N] [--first-seed S] [--jobs J]\n"
                              "           runs seeds, one in fifty of them twice; fails if an invariant is broken\n"
                              "       cluster_sim --seed S [--trace] [--defect NAME] [--minimise]\n"
                              "           one run, told in full with --trace\n"
                              "       cluster_sim --defects [--seeds N]\n"
                              "           plants every defect in turn, and fails unless each is noticed within N seeds\n";

using options = seed_options<cluster::defect>;

constexpr std::uint64_t seeds_by_default = 200;

options parse(int argc, char** argv) {
  options made;
  for (argument_reader line(argc, argv); line.next();)
    if (!made.take(line, cluster::defect_of))
      throw std::invalid_argument("unknown option " + std::string(line.word()));
  return made;
}

/// Leaves out faults, in ever smaller groups, as long as the run fails in the same way.
cluster::plan smallest(cluster::plan failing, const std::string& check) {
  for (auto group = std::max<std::size_t>(1, failing.faults.size()); group > 0; group /= 2)
    for (std::size_t at = 0; at < failing.faults.size();) {
      auto candidate = failing;
      const auto first = candidate.faults.begin() + static_cast<std::ptrdiff_t>(at);
      candidate.faults.erase(first, first + static_cast<std::ptrdiff_t>(std::min(group, candidate.faults.size() - at)));
      const auto again = cluster::run(candidate);
      if (again.failed && again.check == check)
        failing = std::move(candidate);
      else
        at += group;
    }
  return failing;
}

int run_one(const options& asked) {
  cluster::plant(asked.defect);
  auto planned = cluster::make_plan(*asked.seed);
  auto result = cluster::run(planned, asked.trace && !asked.minimise);
  if (result.failed && asked.minimise) {
    planned = smallest(planned, result.check);
    result = cluster::run(planned, asked.trace);
    if (!asked.trace)
      std::printf("%s", planned.text().c_str());
  }
  if (result.failed)
    print_failure(result);
  else
    print_success(result);
  return result.failed ? 1 : 0;
}

int run_many(const options& asked) {
  constexpr std::uint64_t replayed = 50;
  constexpr std::size_t named_max = 20;
  const auto seeds = asked.seeds.value_or(seeds_by_default);
  std::mutex mutex;
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t events = 0;
  std::size_t failures = 0;
  duration slowest{};
  double virtual_seconds = 0;
  const auto began = std::chrono::steady_clock::now();
  in_threads(asked.threads, asked.first_seed, seeds, [&](std::uint64_t seed) {
    const auto planned = cluster::make_plan(seed);
    auto result = cluster::run(planned);
    if (!result.failed && seed % replayed == 0 && cluster::run(planned).hash != result.hash) {
      result.failed = true;
      result.check = "not the same again";
    }
    const std::lock_guard lock(mutex);
    if (result.failed && ++failures <= named_max)
      print_failure(result);
    for (const auto& [name, times] : result.counts)
      counts[name] += times;
    events += result.events;
    slowest = std::max(slowest, result.converged_after);
    virtual_seconds += std::chrono::duration<double>(planned.disturbed + result.converged_after).count();
  });
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%llu runs, %.1f simulated hours in %.1f s, %llu events; all was well again after %.0f s at most\n",
              static_cast<unsigned long long>(seeds), virtual_seconds / 3600, seconds, static_cast<unsigned long long>(events),
              std::chrono::duration<double>(slowest).count());
  for (const auto& [name, times] : counts)
    std::printf("  %10llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
  std::printf("%zu runs broke an invariant\n", failures);
  return failures == 0 ? 0 : 1;
}

int hunt_defects(const options& asked) {
  const auto end = asked.first_seed + asked.seeds.value_or(seeds_by_default);
  bool all_noticed = true;
  for (auto which : cluster::all_defects()) {
    cluster::plant(which);
    std::optional<cluster::outcome> noticed;
    for (auto seed = asked.first_seed; !noticed && seed < end; ++seed)
      if (auto result = cluster::run(cluster::make_plan(seed)); result.failed)
        noticed = result;
    cluster::plant(cluster::defect::none);
    all_noticed = all_noticed && noticed;
    if (noticed)
      print_noticed(cluster::name_of(which), noticed->seed, noticed->check);
    else
      print_unnoticed(cluster::name_of(which));
  }
  return all_noticed ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  return run_command("cluster_sim", usage, [&] {
    const auto asked = parse(argc, argv);
    if (asked.defects)
      return hunt_defects(asked);
    return asked.seed ? run_one(asked) : run_many(asked);
  });
}
