// A driver that ends in the way its first argument says; its second is the directory it may use.
#include <salamander/salamander.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace {

void work(salamander::context& sc) {
  if (sc.range(0, 1000, 1, 4).count() != 1000)
    std::abort();
  std::string line;
  for (const auto& executor : sc.executors())
    line += (line.empty() ? "" : " ") + std::to_string(executor.process);
  std::puts(line.c_str());
  std::fflush(stdout);
}

/// Two programs are made from this file: the second is the first one as it would be after a change and another build.
const char* const build = SALAMANDER_TEST_BUILD;

/// The executors are a recompiled copy of this program: prints the error in one line.
int use_rebuilt(salamander::config settings) {
  const auto copy = std::filesystem::canonical("/proc/self/exe").parent_path() / "cluster_driver_rebuilt";
  try {
    salamander::context sc(settings.set("salamander.testing.executorBinary", copy.string()));
    work(sc);
  } catch (const salamander::error& failure) {
    std::string text = failure.what();
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::puts(text.c_str());
    return failure.code() == salamander::errc::build_mismatch ? 5 : 6;
  }
  return 0;
}

/// One task that takes two seconds, and whose executors are soon given up.
int run_long_task(salamander::config settings) {
  settings.set("salamander.executor.heartbeatInterval", "100ms");
  settings.set("salamander.executor.suspectTimeout", "300ms");
  settings.set("salamander.executor.deadTimeout", "500ms");
  salamander::context sc(settings);
  work(sc);
  const auto slow = sc.range(0, 200, 1, 1).map([](std::int64_t x) {
    ::usleep(10'000);
    return x;
  });
  return slow.count() == 200 ? 0 : 4;
}

/// A child that shares this process's descriptors and outlives it for a while.
void fork_child() {
  const auto child = ::fork();
  if (child == 0) {
    ::sleep(20);
    ::_exit(0);
  }
  std::printf("%d\n", static_cast<int>(child));
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  salamander::init(argc, argv);
  const std::string how = argc > 2 ? argv[1] : "";
  const auto settings = salamander::config{}
                            .set_master("local-cluster[2,1,256]")
                            .set("salamander.local.dir", argc > 2 ? argv[2] : "")
                            .set("salamander.log.level", how == "rebuilt" ? "off" : "warn");
  if (how == "build") {
    std::puts(build);
    return 0;
  }
  if (how == "rebuilt")
    return use_rebuilt(settings);
  if (how == "long task")
    return run_long_task(settings);
  if (how == "leak") {
    static auto& never_destroyed = *std::make_unique<salamander::context>(settings).release();
    work(never_destroyed);
    return 3;
  }
  if (how == "static") {
    static salamander::context sc(settings);
    work(sc);
    return 0;
  }
  salamander::context sc(settings);
  work(sc);
  if (how == "exit")
    std::exit(7);
  if (how == "fork")
    fork_child();
  if (how == "wait" || how == "fork")
    ::sleep(60);
  if (how == "slow stop")
    ::sleep(1);
  sc.stop();
  return 0;
}
