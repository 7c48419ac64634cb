// The chaos harness: real processes, real faults, all of them decided by a seed. See docs/reliability.md.
#include "harness/isolation.hpp"
#include "harness/options.hpp"
#include "harness/session.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace chaos;
namespace fs = std::filesystem;

constexpr std::uint64_t disk_bytes = 6ULL << 20;
/// What ctest and others take for a test that could not run.
constexpr int exit_skipped = 77;

fs::path make_directory(const chaos_options& options) {
  if (!options.directory.empty()) {
    fs::create_directories(options.directory);
    return fs::canonical(options.directory);
  }
  auto name = (fs::temp_directory_path() / "salamander-chaos-XXXXXX").string();
  if (!::mkdtemp(name.data()))
    throw std::system_error(errno, std::generic_category(), name);
  return name;
}

void print_failure(const std::string& what, const session& run, const timeline& log, const chaos_options& options, std::uint64_t seed,
                   const fs::path& home) {
  const auto& begin = run.episode_begin();
  std::printf("\nA promise was broken in episode %u: %s\n\nseed %llu; the last events, with seconds since the begin:\n", begin.episode,
              what.c_str(), static_cast<unsigned long long>(seed));
  for (const auto& line : log.recent())
    std::printf("%s\n", line.c_str());
  std::printf("\n%s\nall messages and events: %s\nthe same faults again:   %s\n\n", run.messages().text().c_str(), home.c_str(),
              replay_command(options, seed, begin).c_str());
  std::fflush(stdout);
}

/// True when every promise was kept.
bool run_seed(const chaos_options& options, std::uint64_t seed, const run_places& places, bool isolated) {
  timeline log(places.home / "timeline.log", !options.quiet);
  session run(options, seed, places, isolated, log);
  bool kept = true;
  const auto guarded = [&](auto&& work) {
    try {
      work();
      return true;
    } catch (const broken_promise& broken) {
      log.note(std::string("BROKEN: ") + broken.what());
      print_failure(broken.what(), run, log, options, seed, places.home);
      run.write_all_stacks();
      run.add_bug("episode " + std::to_string(run.episode_begin().episode) + ": " + broken.what());
      run.abandon();
      return kept = false;
    }
  };
  for (std::uint32_t done = 0; done < options.episodes && (done == 0 || log.seconds() < options.minutes * 60); ++done)
    if (!guarded([&] { run.run_episode(options.first.episode + done); }) && !options.keep_going)
      break;
  if (kept || options.keep_going)
    guarded([&] { run.end_application(); });
  std::printf("seed %llu: %s", static_cast<unsigned long long>(seed), to_text(run.summary(), run.line_counts(), log.seconds()).c_str());
  return kept;
}

void print_plan(const chaos_options& options, std::uint64_t seed) {
  const auto kinds = all_kinds(options.only);
  milliseconds length{0};
  for (std::uint32_t done = 0; done < options.episodes && static_cast<double>(length.count()) < options.minutes * 60000; ++done) {
    const auto episode = plan_episode(seed, options.first.episode + done, kinds, options.intensity);
    length += episode.length;
    std::printf("%s", describe(episode).c_str());
  }
}

int run_isolated(const chaos_options& options, bool isolated) {
  adopt_orphans();
  ::signal(SIGPIPE, SIG_IGN);
  const auto home = make_directory(options);
  bool kept = true;
  for (const auto seed : options.seeds) {
    if (!options.quiet || !isolated)
      std::printf("seed %llu, intensity %g, %s\n", static_cast<unsigned long long>(seed), options.intensity,
                  isolated ? "in namespaces of its own" : "without namespaces of its own: no full disks");
    const run_places places(options.seeds.size() == 1 ? home : home / ("seed-" + std::to_string(seed)));
    if (isolated)
      for (const auto& disk : {places.local, places.output})
        mount_memory(disk, disk_bytes);
    kept = run_seed(options, seed, places, isolated) && kept;
    if (!kept && !options.keep_going)
      break;
  }
  if (kept && options.directory.empty()) {
    std::error_code busy; // mounts go with this process
    fs::remove_all(home, busy);
  }
  return kept ? 0 : 1;
}

int run(const chaos_options& options) {
  std::string why_not = "that takes root, and a system that permits it";
  bool isolated = false;
  try {
    isolated = isolate();
  } catch (const std::system_error& failure) {
    if (!options.need_namespaces)
      throw;
    why_not = failure.what();
  }
  if (options.need_namespaces && !isolated) {
    std::printf("skipped: no network and mount namespaces of its own: %s\n", why_not.c_str());
    return exit_skipped;
  }
  return run_isolated(options, isolated);
}

} // namespace

int main(int argc, char** argv) {
  try {
    auto options = read_options({argv + 1, argv + argc});
    if (options.driver.empty())
      options.driver = fs::canonical("/proc/self/exe").parent_path() / "chaos_driver";
    if (options.help) {
      std::puts(help_text().c_str());
      return 0;
    }
    if (!options.plan_only)
      return run(options);
    for (const auto seed : options.seeds)
      print_plan(options, seed);
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 2;
  }
}
