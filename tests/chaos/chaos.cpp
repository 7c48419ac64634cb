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

void print_failure(const std::string& what, const session& run, const timeline& log, const chaos_options& options, std::uint32_t episode,
                   const fs::path& home) {
  std::printf("\nA promise was broken in episode %u: %s\n\nseed %llu; the last events, with seconds since the begin:\n", episode,
              what.c_str(), static_cast<unsigned long long>(options.seed));
  for (const auto& line : log.recent())
    std::printf("%s\n", line.c_str());
  std::printf("\n%s\nall messages and events: %s\nthe same faults again:   %s\n\n", run.messages().text().c_str(), home.c_str(),
              replay_command(options, episode).c_str());
  std::fflush(stdout);
}

/// True when every promise was kept.
bool run_all(const chaos_options& options, const run_places& places, bool isolated) {
  timeline log(places.home / "timeline.log", !options.quiet);
  session run(options, places, isolated, log);
  auto episode = options.first_episode;
  bool kept = true;
  const auto guarded = [&](auto&& work) {
    try {
      work();
      return true;
    } catch (const broken_promise& broken) {
      log.note(std::string("BROKEN: ") + broken.what());
      print_failure(broken.what(), run, log, options, episode, places.home);
      run.write_all_stacks();
      run.add_bug("episode " + std::to_string(episode) + ": " + broken.what());
      run.abandon();
      return kept = false;
    }
  };
  for (; episode - options.first_episode < options.episodes && (log.seconds() < options.minutes * 60 || episode == options.first_episode);
       ++episode)
    if (!guarded([&] { run.run_episode(episode); }) && !options.keep_going)
      break;
  if (kept || options.keep_going)
    guarded([&] { run.end_application(); });
  std::printf("seed %llu: %s", static_cast<unsigned long long>(options.seed),
              to_text(run.summary(), run.line_counts(), log.seconds()).c_str());
  return kept;
}

void print_plan(const chaos_options& options) {
  std::vector<fault_kind> kinds;
  for (const auto& one : all_targets())
    for (auto& kind : one->kinds())
      kinds.push_back(std::move(kind));
  milliseconds length{0};
  for (auto i = options.first_episode;
       i - options.first_episode < options.episodes && static_cast<double>(length.count()) < options.minutes * 60000; ++i) {
    const auto episode = plan_episode(options.seed, i, kinds, options.intensity);
    length += episode.length;
    std::printf("%s", describe(episode).c_str());
  }
}

int run(const chaos_options& options) {
  const bool isolated = isolate();
  if (!options.quiet || !isolated)
    std::printf("seed %llu, intensity %g, %s\n", static_cast<unsigned long long>(options.seed), options.intensity,
                isolated ? "in namespaces of its own" : "without namespaces of its own: no full disks");
  adopt_orphans();
  ::signal(SIGPIPE, SIG_IGN);
  const run_places places(make_directory(options));
  if (isolated)
    for (const auto& disk : {places.local, places.output})
      mount_memory(disk, disk_bytes);
  const bool kept = run_all(options, places, isolated);
  if (kept && options.directory.empty()) {
    std::error_code busy; // mounts go with this process
    fs::remove_all(places.home, busy);
  }
  return kept ? 0 : 1;
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
    if (options.plan_only) {
      print_plan(options);
      return 0;
    }
    return run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 2;
  }
}
