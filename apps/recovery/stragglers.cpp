#include <salamander/apps/recovery/experiments.hpp>
#include <salamander/apps/recovery/saboteur.hpp>

#include <cstdio>

#include <unistd.h>

namespace sal = salamander;

namespace app {
namespace {

/// What one task does: it waits, so that the executors do not compete for the machine's cores.
struct wait {
  std::int64_t slow_process = 0;
  std::int64_t task_ms = 0;
  std::int64_t factor = 1;

  std::int64_t operator()(std::int64_t record) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(task_ms * (::getpid() == slow_process ? factor : 1)));
    return record;
  }
};

std::vector<double> run_jobs(const sal::context& sc, const stragglers_setup& setup, const wait& task) {
  std::vector<double> seconds;
  for (std::uint64_t i = 0; i < setup.jobs; ++i) {
    const stopwatch watch;
    sc.range(0, static_cast<std::int64_t>(setup.tasks), 1, static_cast<std::int64_t>(setup.tasks)).map(task).count();
    seconds.push_back(watch.seconds());
  }
  return seconds;
}

void print(const char* what, const std::vector<double>& values) {
  std::printf("%-18s median %.3f s, 99 %% within %.3f s\n", what, quantile(values, 0.5), quantile(values, 0.99));
}

} // namespace

report run_stragglers(const program& app, const sal::config& settings, const stragglers_setup& setup) {
  sal::context sc(settings);
  const wait equal{0, static_cast<std::int64_t>(setup.task_ms), 1};
  const wait slow{last_alive(sc).process, static_cast<std::int64_t>(setup.task_ms), static_cast<std::int64_t>(setup.factor)};
  const stopwatch whole;
  const auto without = run_jobs(sc, setup, equal);
  const auto with = run_jobs(sc, setup, slow);
  if (!app.json()) {
    print("equal executors", without);
    print("one slow executor", with);
  }
  report done{whole.seconds(), 0, rounded(0), {}};
  done.details = ", \"equal\": " + json_array(without) + ", \"slow\": " + json_array(with);
  return done;
}

} // namespace app
