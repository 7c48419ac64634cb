// Measures what a job costs when its tasks do nothing.
#include <salamander/apps/common/program.hpp>

#include <salamander/salamander.hpp>

#include <algorithm>
#include <cstdio>

namespace sal = salamander;

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::uint64_t tasks = 2;
  std::uint64_t jobs = 500;
  app::program program("empty_job", "Runs jobs of empty tasks and prints the median time of a job.");
  program.option("--tasks", tasks, 1, "tasks of a job").option("--jobs", jobs, 1, "jobs that are measured, after half as many to warm up");

  return program.run(argc, argv, [&] {
    sal::context sc(program.settings());
    const auto nothing = sc.parallelize(std::vector<std::int32_t>(tasks), tasks);
    std::vector<double> seconds;
    for (std::uint64_t i = 0; i < jobs + jobs / 2; ++i) {
      const app::stopwatch watch;
      nothing.foreach_partition([](sal::record_range<std::int32_t>) {});
      if (i >= jobs / 2)
        seconds.push_back(watch.seconds());
    }
    const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
    std::nth_element(seconds.begin(), middle, seconds.end());
    if (!program.json())
      std::printf("%.1f us a job of %llu empty tasks, %.0f tasks a second\n", *middle * 1e6, static_cast<unsigned long long>(tasks),
                  static_cast<double>(tasks) / *middle);
    return app::report{*middle, 0, app::exact(tasks * jobs)};
  });
}
