#include <salamander/apps/common/numbers.hpp>
#include <salamander/apps/recovery/experiments.hpp>
#include <salamander/apps/recovery/saboteur.hpp>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace sal = salamander;

namespace app {
namespace {

/// A cluster and the sums of the coordinates of its points, with the number of points at the end.
using cluster_sums = std::pair<std::uint32_t, std::vector<double>>;

rows first_points(const std::string& input, std::uint64_t count) {
  std::ifstream file(input);
  row_parser parser;
  std::string line;
  for (std::uint64_t i = 0; i < count && std::getline(file, line); ++i)
    parser.add(line);
  auto points = parser.take();
  if (points.size() < count)
    throw std::runtime_error(input + " does not have " + std::to_string(count) + " points");
  return points;
}

std::vector<cluster_sums> assign(const rows& centres, const rows& points) {
  const std::size_t dimensions = centres.columns;
  std::vector<cluster_sums> sums(centres.size());
  for (std::uint32_t c = 0; c < sums.size(); ++c)
    sums[c] = {c, std::vector<double>(dimensions + 1)};
  for (std::size_t r = 0; r < points.size(); ++r) {
    const double* const point = points.row(r);
    auto& sum = sums[nearest_row(point, centres)].second;
    for (std::size_t i = 0; i < dimensions; ++i)
      sum[i] += point[i];
    ++sum[dimensions];
  }
  std::erase_if(sums, [](const auto& one) { return one.second.back() == 0; });
  return sums;
}

/// The reduce task's part; where a note is to be obeyed, that is done when its input has come.
std::vector<cluster_sums> means(const std::string& note, sal::record_range<cluster_sums> clusters) {
  std::vector<cluster_sums> found;
  for (const auto& [cluster, sums] : clusters) {
    if (!note.empty() && found.empty())
      death_note::obey(note);
    auto mean = sums;
    for (auto& value : mean)
      value /= sums.back();
    found.emplace_back(cluster, std::move(mean));
  }
  return found;
}

void iterate(const sal::rdd<rows>& points, rows& centres, std::uint64_t reducers, const std::string& note) {
  const auto found = points.flat_map(sal::bind_front([](const rows& at, const rows& block) { return assign(at, block); }, centres))
                         .reduce_by_key(
                             [](std::vector<double> a, const std::vector<double>& b) {
                               for (std::size_t i = 0; i < a.size(); ++i)
                                 a[i] += b[i];
                               return a;
                             },
                             reducers)
                         .map_partitions(sal::bind_front(
                             [](const std::string& when, sal::record_range<cluster_sums> clusters) { return means(when, clusters); }, note))
                         .collect();
  for (const auto& [cluster, mean] : found)
    std::copy_n(mean.begin(), centres.columns, centres.values.begin() + static_cast<std::ptrdiff_t>(cluster * centres.columns));
}

double checksum_of(const rows& centres) {
  double sum = 0;
  for (std::size_t c = 0; c < centres.size(); ++c)
    for (std::size_t i = 0; i < centres.columns; ++i)
      sum += static_cast<double>(c + 1) * std::abs(centres.row(c)[i]);
  return sum;
}

std::unique_ptr<watched_strike> start_fault(const sal::context& sc, const iterations_setup& setup, const death_note& note) {
  if (setup.fault == "shuffle")
    return std::make_unique<watched_strike>(sc, std::chrono::milliseconds(0), [&note] { return note.read(); });
  const int signal = setup.fault == "kill" ? SIGKILL : SIGSTOP;
  return std::make_unique<watched_strike>(sc, std::chrono::milliseconds(setup.delay_ms),
                                          [process = last_alive(sc).process, signal] { return send_signal(process, signal); });
}

/// What the jobs of the iterations counted, each as a JSON array.
struct counts {
  std::vector<double> seconds, tasks, lost, rerun, retries, bytes_read;

  void add(double time, const sal::job_report& job) {
    seconds.push_back(time);
    tasks.push_back(job.tasks_succeeded);
    lost.push_back(job.tasks_lost);
    rerun.push_back(job.tasks_resubmitted);
    retries.push_back(job.stage_retries);
    bytes_read.push_back(static_cast<double>(job.bytes_read));
  }

  std::string json() const {
    std::string text;
    const std::pair<const char*, const std::vector<double>*> all[] = {{"iterations", &seconds}, {"tasks", &tasks},
                                                                      {"tasks_lost", &lost},    {"tasks_rerun", &rerun},
                                                                      {"retries", &retries},    {"bytes_read", &bytes_read}};
    for (const auto& [name, values] : all)
      text += ", \"" + std::string(name) + "\": " + json_array(*values);
    return text;
  }
};

std::string outcome_json(const watched_strike::outcome& seen) {
  const auto number = [](const std::optional<double>& value) { return value ? rounded(*value) : std::string("null"); };
  return ", \"noticed\": " + number(seen.noticed) + ", \"replaced\": " + number(seen.replaced);
}

} // namespace

report run_iterations(const program& app, const sal::config& settings, const iterations_setup& setup) {
  if (setup.fault != "none" && setup.fault != "kill" && setup.fault != "stop" && setup.fault != "shuffle")
    throw std::invalid_argument("--fault must be none, kill, stop or shuffle: " + setup.fault);
  sal::context sc(settings);
  auto centres = first_points(setup.input, setup.clusters);
  const death_note note;
  std::unique_ptr<watched_strike> strike;
  counts counted;
  const stopwatch whole;
  const sal::rdd<rows> points =
      sc.text_file(setup.input, static_cast<std::uint32_t>(setup.partitions)).map_partitions(parse_rows{}).cache();
  for (std::uint64_t i = 1; i <= setup.iterations; ++i) {
    const bool faulty = setup.fault != "none" && i == setup.at;
    const stopwatch watch;
    if (faulty)
      strike = start_fault(sc, setup, note);
    iterate(points, centres, setup.reducers, faulty && setup.fault == "shuffle" ? note.path() : std::string());
    counted.add(watch.seconds(), sc.last_job());
    if (!app.json())
      std::printf("iteration %2llu: %.3f s, %.0f tasks, %.0f lost with their executor, %.0f run again\n",
                  static_cast<unsigned long long>(i), counted.seconds.back(), counted.tasks.back(), counted.lost.back(),
                  counted.rerun.back());
  }
  report done{whole.seconds(), counted.seconds.front(), rounded(checksum_of(centres)), {}};
  watched_strike::outcome seen;
  if (strike)
    seen = strike->wait();
  if (strike && !seen.happened)
    throw std::runtime_error("no executor could be harmed");
  if (!app.json() && strike)
    std::printf("noticed after %.4f s, replaced after %.4f s\n", seen.noticed.value_or(NAN), seen.replaced.value_or(NAN));
  done.details = ", \"fault\": \"" + setup.fault + "\", \"partitions\": " + std::to_string(points.num_partitions()) + counted.json() +
                 outcome_json(seen);
  return done;
}

} // namespace app
