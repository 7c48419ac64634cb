// Measures how an application lives through the loss of executors; scripts/bench_recovery runs it and explains the figures.
#include <salamander/apps/recovery/experiments.hpp>
#include <salamander/salamander.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace app {

std::string json_array(const std::vector<double>& values) {
  std::string text;
  for (const double value : values)
    text += (text.empty() ? "" : ", ") + rounded(value);
  return "[" + text + "]";
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = std::ceil(share * static_cast<double>(values.size()));
  return values.at(rank < 1 ? 0 : static_cast<std::size_t>(rank) - 1);
}

namespace {

salamander::config settings_of(const program& app, const std::vector<std::string>& given) {
  auto settings = app.settings();
  for (const auto& one : given) {
    const auto equals = one.find('=');
    if (equals == std::string::npos)
      throw std::invalid_argument("--conf takes KEY=VALUE: " + one);
    settings.set(one.substr(0, equals), one.substr(equals + 1));
  }
  return settings;
}

} // namespace
} // namespace app

int main(int argc, char** argv) {
  salamander::init(argc, argv);

  std::vector<std::string> conf;
  app::iterations_setup iterations;
  app::detection_setup detection;
  app::stragglers_setup stragglers;
  app::program program("recovery", "Measures recovery from lost and slow executors; the master must be local-cluster.");
  program.option("--conf", conf, "KEY=VALUE: a setting of the application");
  auto& k_means = program.command("k_means", "iterations of k-means, one of them with a fault")
                      .argument("INPUT", iterations.input, "text: a line for each point, its coordinates separated by blanks or commas")
                      .option("--k", iterations.clusters, 1, "how many clusters")
                      .option("--iterations", iterations.iterations, 1, "how often the centres move")
                      .option("--partitions", iterations.partitions, 1, "of the points, at least")
                      .option("--reducers", iterations.reducers, 1, "partitions of the shuffle")
                      .option("--fault", iterations.fault, "none, kill, stop or shuffle")
                      .option("--at", iterations.at, 1, "the iteration with the fault")
                      .option("--delay-ms", iterations.delay_ms, 0, "between the start of the iteration and the signal");
  auto& detect = program.command("detection", "how soon the driver knows")
                     .option("--signal", detection.signal, "kill or stop")
                     .option("--repetitions", detection.repetitions, 1, "how often");
  program.command("stragglers", "how much one slow executor costs")
      .option("--jobs", stragglers.jobs, 1, "of each kind")
      .option("--tasks", stragglers.tasks, 1, "of each job")
      .option("--task-ms", stragglers.task_ms, 1, "what a task takes")
      .option("--factor", stragglers.factor, 1, "how much slower the slow executor is");

  return program.run(argc, argv, [&] {
    const auto settings = app::settings_of(program, conf);
    return k_means.chosen()  ? run_iterations(program, settings, iterations)
           : detect.chosen() ? run_detection(program, settings, detection)
                             : run_stragglers(program, settings, stragglers);
  });
}
