// K-means clustering by Lloyd's algorithm over points that stay in memory between the iterations.
#include <salamander/apps/common/numbers.hpp>
#include <salamander/apps/common/program.hpp>

#include <cmath>
#include <cstdio>

namespace sal = salamander;

namespace {

/// Of each cluster, the sum of the coordinates and the number of its points.
struct sums {
  std::vector<double> coordinates;
  std::vector<std::uint64_t> members;
};

sums assign(const app::rows& centres, const app::rows& points) {
  const std::size_t dimensions = centres.columns;
  sums result{std::vector<double>(centres.values.size()), std::vector<std::uint64_t>(centres.size())};
  for (std::size_t r = 0; r < points.size(); ++r) {
    const double* const point = points.row(r);
    const std::size_t c = app::nearest_row(point, centres);
    ++result.members[c];
    for (std::size_t i = 0; i < dimensions; ++i)
      result.coordinates[c * dimensions + i] += point[i];
  }
  return result;
}

sums add(sums a, const sums& b) {
  for (std::size_t i = 0; i < a.coordinates.size(); ++i)
    a.coordinates[i] += b.coordinates[i];
  for (std::size_t c = 0; c < a.members.size(); ++c)
    a.members[c] += b.members[c];
  return a;
}

app::rows first_rows(std::uint64_t count, const app::rows& block) {
  const auto end = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(count, block.size()) * block.columns);
  return {block.columns, {block.values.begin(), block.values.begin() + end}};
}

/// The first k points, and by that the number of dimensions.
app::rows first_centres(const sal::rdd<app::rows>& points, std::uint64_t k, const std::string& input) {
  const auto first =
      points.map(sal::bind_front([](std::uint64_t count, const app::rows& block) { return first_rows(count, block); }, k)).collect();
  std::vector<std::uint64_t> columns;
  for (const auto& block : first)
    columns.push_back(block.columns);
  app::rows centres{app::common_columns(columns, input), {}};
  for (const auto& block : first)
    for (std::size_t r = 0; r < block.size() && centres.size() < k; ++r)
      centres.values.insert(centres.values.end(), block.row(r), block.row(r) + block.columns);
  return centres;
}

/// Every centre that has members moves to their mean.
void move(app::rows& centres, const sums& found) {
  for (std::size_t c = 0; c < found.members.size(); ++c)
    for (std::size_t i = 0; found.members[c] != 0 && i < centres.columns; ++i)
      centres.values[c * centres.columns + i] = found.coordinates[c * centres.columns + i] / static_cast<double>(found.members[c]);
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::string input;
  std::uint64_t k = 10;
  std::uint64_t iterations = 10;
  app::program program("k_means", "Finds the centres of clusters of points; the first points are the centres to start with.");
  program.argument("INPUT", input, "text: a line for each point, its coordinates separated by blanks or commas")
      .option("--k", k, 1, "how many clusters")
      .option("--iterations", iterations, 0, "how often the centres move");

  return program.run(argc, argv, [&] {
    sal::context sc(program.settings());
    const app::stopwatch watch;
    const sal::rdd<app::rows> points = sc.text_file(input).map_partitions(app::parse_rows{}).cache();
    auto centres = first_centres(points, k, input);
    const double load_seconds = watch.seconds();

    for (std::uint64_t i = 0; i < iterations; ++i)
      move(centres, points.map(sal::bind_front([](const app::rows& at, const app::rows& block) { return assign(at, block); }, centres))
                        .reduce([](sums a, const sums& b) { return add(std::move(a), b); }));
    app::report report{watch.seconds(), load_seconds, {}};

    double checksum = 0;
    for (std::size_t c = 0; c < centres.size(); ++c)
      for (std::size_t i = 0; i < centres.columns; ++i) {
        const double value = centres.row(c)[i];
        if (!program.json())
          std::printf("%.9g%c", value, i + 1 == centres.columns ? '\n' : ' ');
        checksum += static_cast<double>(c + 1) * std::abs(value);
      }
    if (!program.json())
      std::printf("loaded in %.3f s, all in %.3f s\n", load_seconds, report.seconds);
    report.checksum = app::rounded(checksum);
    return report;
  });
}
