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
#include <filesystem>
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

/// Small runs, each with one thing in it; they die at their end the first time.
void small_run(const std::string& what, const std::string& directory, sal::context& sc, const std::string& value) {
  const auto added = sc.accumulator<std::int64_t>(0, "added");
  const auto later = sc.accumulator<std::int64_t>(0, "later");
  const auto numbers = sc.range(0, 10000, 1, 8);
  const auto counted = numbers.map([=](std::int64_t n) {
    added.add(std::int64_t{1});
    return n;
  });
  const auto out = directory + "/out";
  if (what == "only-save") {
    counted.key_by([](std::int64_t n) { return n % 10; })
        .reduce_by_key(std::plus<>{}, 2)
        .map([=](const auto& pair) {
          later.add(std::int64_t{1});
          return pair;
        })
        .save_as_text_file(out);
  } else if (what == "path-twice") {
    counted.save_as_text_file(out);
    show(sc, "first", static_cast<long long>(sc.text_file(out).count()));
    std::filesystem::remove_all(out);
    sc.range(0, 3, 1, 1).save_as_text_file(out);
    show(sc, "second", static_cast<long long>(sc.text_file(out).count()));
  } else if (what == "cached-parts") {
    auto kept = counted;
    kept.cache();
    kept.first();
    std::printf("after first %lld\n", static_cast<long long>(added.value()));
    kept.count();
    std::printf("after count %lld\n", static_cast<long long>(added.value()));
  } else if (what == "shuffled") {
    show(sc, "sum", static_cast<long long>(counted.repartition(4).sum()));
    if (!value.empty())
      show(sc, "more", static_cast<long long>(counted.repartition(4).map([](std::int64_t n) { return n + 1; }).sum()));
  } else if (what == "property") {
    sc.set_local_property("factor", value);
    show(sc, "sum",
         static_cast<long long>(numbers.map([](std::int64_t n) { return n * std::stoll(*sal::current_task()->local_property("factor")); })
                                    .repartition(3)
                                    .sum()));
  } else if (what == "same-again") {
    numbers.save_as_text_file(out);
    numbers.save_as_object_file(out);
  }
  std::printf("accumulators %lld %lld\n", static_cast<long long>(added.value()), static_cast<long long>(later.value()));
  std::fflush(stdout);
  die_once(directory + "/died-" + what);
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
    if (point.starts_with("small-")) {
      small_run(point.substr(6), directory, sc, argc > 5 ? argv[5] : "");
      return 0;
    }
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
      std::ofstream(directory + "/kept/" + id + "/start-2");
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
