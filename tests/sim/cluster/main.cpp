// The command line of the simulator of clusters.
#include "planting.hpp"
#include "world.hpp"

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

namespace {

using namespace salamander;
using namespace salamander::sim;

constexpr const char* usage = "usage: cluster_sim [--seeds N] [--first-seed S] [--jobs J]\n"
                              "           runs seeds, one in fifty of them twice; fails if an invariant is broken\n"
                              "       cluster_sim --seed S [--trace] [--defect NAME] [--minimise]\n"
                              "           one run, told in full with --trace\n"
                              "       cluster_sim --defects [--seeds N]\n"
                              "           plants every defect in turn, and fails unless each is noticed within N seeds\n";

struct options {
  std::uint64_t seeds = 200;
  std::uint64_t first_seed = 1;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::optional<std::uint64_t> seed;
  cluster::sc::defect defect = cluster::sc::defect::none;
  bool trace = false;
  bool minimise = false;
  bool defects = false;
};

std::uint64_t number(const char* text) {
  std::uint64_t value = 0;
  const auto* end = text + std::strlen(text);
  if (const auto [stop, failed] = std::from_chars(text, end, value); failed != std::errc() || stop != end)
    throw std::invalid_argument(std::string(text) + " is not a number");
  return value;
}

options parse(int argc, char** argv) {
  options made;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto value = [&]() -> const char* {
      if (i + 1 == argc)
        throw std::invalid_argument(std::string(word) + " needs a value");
      return argv[++i];
    };
    if (word == "--seeds")
      made.seeds = number(value());
    else if (word == "--first-seed")
      made.first_seed = number(value());
    else if (word == "--jobs")
      made.threads = static_cast<unsigned>(number(value()));
    else if (word == "--seed")
      made.seed = number(value());
    else if (word == "--trace")
      made.trace = true;
    else if (word == "--minimise")
      made.minimise = true;
    else if (word == "--defects")
      made.defects = true;
    else if (word == "--defect") {
      const auto which = cluster::defect_of(value());
      if (!which)
        throw std::invalid_argument("no defect has this name");
      made.defect = *which;
    } else
      throw std::invalid_argument("unknown option " + std::string(word));
  }
  return made;
}

void print(const cluster::outcome& one) {
  std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(one.seed), one.check.c_str(), one.text.c_str());
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
    print(result);
  else
    std::printf("seed %llu: holds; %llu events, hash %016llx\n", static_cast<unsigned long long>(result.seed),
                static_cast<unsigned long long>(result.events), static_cast<unsigned long long>(result.hash));
  return result.failed ? 1 : 0;
}

int run_many(const options& asked) {
  constexpr std::uint64_t replayed = 50;
  constexpr std::size_t named_max = 20;
  std::atomic<std::uint64_t> next = asked.first_seed;
  std::mutex mutex;
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t events = 0;
  std::size_t failures = 0;
  duration slowest{};
  double virtual_seconds = 0;
  const auto began = std::chrono::steady_clock::now();
  const auto work = [&] {
    for (auto seed = next++; seed < asked.first_seed + asked.seeds; seed = next++) {
      const auto planned = cluster::make_plan(seed);
      auto result = cluster::run(planned);
      if (!result.failed && seed % replayed == 0 && cluster::run(planned).hash != result.hash) {
        result.failed = true;
        result.check = "not the same again";
      }
      const std::lock_guard lock(mutex);
      if (result.failed && ++failures <= named_max)
        print(result);
      for (const auto& [name, times] : result.counts)
        counts[name] += times;
      events += result.events;
      slowest = std::max(slowest, result.converged_after);
      virtual_seconds += std::chrono::duration<double>(planned.disturbed + result.converged_after).count();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned at = 0; at < asked.threads; ++at)
    threads.emplace_back(work);
  for (auto& one : threads)
    one.join();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%llu runs, %.1f simulated hours in %.1f s, %llu events; all was well again after %.0f s at most\n",
              static_cast<unsigned long long>(asked.seeds), virtual_seconds / 3600, seconds, static_cast<unsigned long long>(events),
              std::chrono::duration<double>(slowest).count());
  for (const auto& [name, times] : counts)
    std::printf("  %10llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
  std::printf("%zu runs broke an invariant\n", failures);
  return failures == 0 ? 0 : 1;
}

int hunt_defects(const options& asked) {
  bool all_noticed = true;
  for (auto which : cluster::all_defects()) {
    cluster::plant(which);
    std::optional<cluster::outcome> noticed;
    for (auto seed = asked.first_seed; !noticed && seed < asked.first_seed + asked.seeds; ++seed)
      if (auto result = cluster::run(cluster::make_plan(seed)); result.failed)
        noticed = result;
    cluster::plant(cluster::sc::defect::none);
    all_noticed = all_noticed && noticed;
    std::printf("%-36s %s%llu  %s\n", std::string(cluster::name_of(which)).c_str(), noticed ? "seed " : "NOT NOTICED ",
                static_cast<unsigned long long>(noticed ? noticed->seed : 0), noticed ? noticed->check.c_str() : "");
  }
  return all_noticed ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto asked = parse(argc, argv);
    if (asked.defects)
      return hunt_defects(asked);
    return asked.seed ? run_one(asked) : run_many(asked);
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "cluster_sim: %s\n%s", wrong.what(), usage);
    return 2;
  }
}
