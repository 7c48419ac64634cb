// A driver that dies once at the point it is told, and goes on when it is started again.
//   recovery_program MASTER DIRECTORY ID POINT [FACTOR]                 MASTER, ID: empty where the environment says them
// POINT: none, reduce (in a task that reads the first shuffle), middle (between two jobs), cached (in a task that reads a cached dataset),
// saving (in a task that writes), saved, taken (another start begins meanwhile).
#include <salamander/salamander.hpp>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>

namespace sal = salamander;

namespace {

/// Only whoever comes first dies. A task may run on an executor: the driver is what has to die. Its number lies in a file: captured, it would
/// make each start another computation.
void die_once(const std::string& flag) {
  const int file = ::open(flag.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0)
    return;
  ::close(file);
  pid_t driver = 0;
  std::ifstream(flag.substr(0, flag.rfind('/')) + "/driver") >> driver;
  ::kill(driver, SIGKILL);
  for (;;)
    ::pause();
}

void show(const sal::context& sc, const char* name, long long result) {
  const auto job = sc.last_job();
  std::printf("%s %lld tasks %u skipped %u\n", name, result, job.tasks_succeeded, job.stages_skipped);
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);
  const std::string directory = argv[2];
  const std::string id = argv[3];
  const std::string point = argv[4];
  const long long factor = argc > 5 ? std::atoll(argv[5]) : 1;
  sal::config settings;
  settings.set("salamander.ui.showConsoleProgress", "false").set("salamander.checkpoint.dir", directory + "/kept");
  if (const std::string master = argv[1]; !master.empty())
    settings.set_master(master);
  if (!id.empty())
    settings.set("salamander.recovery.id", id);
  const auto flag = [&](const char* here) { return point == here ? directory + "/died-" + point : std::string(); };
  std::ofstream(directory + "/driver") << ::getpid();
  try {
    sal::context sc(settings);
    const auto in_map = sc.accumulator<std::int64_t>(0, "in map");
    const auto in_cache = sc.accumulator<std::int64_t>(0, "in cache");
    const auto in_result = sc.accumulator<std::int64_t>(0, "in result");
    const auto base = sc.broadcast(std::vector<std::int64_t>{factor});
    std::vector<std::int64_t> numbers(10000);
    std::iota(numbers.begin(), numbers.end(), 0);
    const auto data = sc.parallelize(numbers, 8);
    const auto sums = data.map([=](std::int64_t n) {
                            in_map.add(std::int64_t{1});
                            return std::pair(n % 10, n * base->at(0));
                          })
                          .reduce_by_key(std::plus<>{}, 4);
    const auto maybe_die = [](const std::string& where, const auto& record) {
      if (!where.empty())
        die_once(where);
      return record;
    };
    const auto total = sums.map(sal::bind_front(maybe_die, flag("reduce"))).values().sum();
    show(sc, "total", static_cast<long long>(total));

    auto kept = data.map([=](std::int64_t n) {
      in_cache.add(std::int64_t{1});
      return 3 * n;
    });
    kept.cache();
    const auto count = kept.map([=](std::int64_t n) {
                             in_result.add(std::int64_t{1});
                             return n;
                           })
                           .count();
    show(sc, "count", static_cast<long long>(count));
    if (point == "middle")
      die_once(flag("middle"));
    if (point == "taken") {
      std::ofstream(directory + "/kept/" + id + "/start") << "7 somebody else";
      std::fflush(stdout);
    }
    const auto most = kept.map(sal::bind_front(maybe_die, flag("cached"))).max();
    show(sc, "most", static_cast<long long>(most));

    sums.sort_by_key(true, 2).map(sal::bind_front(maybe_die, flag("saving"))).save_as_text_file(directory + "/out");
    show(sc, "saved", 0);
    if (point == "saved")
      die_once(flag("saved"));
    const auto lines = sc.text_file(directory + "/out").count();
    show(sc, "lines", static_cast<long long>(lines));
    std::printf("accumulators %lld %lld %lld\n", static_cast<long long>(in_map.value()), static_cast<long long>(in_cache.value()),
                static_cast<long long>(in_result.value()));
  } catch (const sal::error& failure) {
    std::printf("error %s\n", failure.what());
    return 3;
  }
  return 0;
}
