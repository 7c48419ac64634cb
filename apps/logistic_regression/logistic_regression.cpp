// Logistic regression by gradient descent over points that stay in memory between the iterations.
#include <salamander/apps/common/numbers.hpp>
#include <salamander/apps/common/program.hpp>

#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace sal = salamander;

namespace {

using vector = std::vector<double>;

/// What the rows of a block, each a label and its features, say about the weights.
vector gradient_of(const vector& weights, const app::rows& block) {
  const std::size_t features = weights.size();
  vector gradient(features);
  for (std::size_t r = 0; r < block.size(); ++r) {
    const double label = block.row(r)[0] > 0 ? 1.0 : -1.0;
    const double* const x = block.row(r) + 1;
    double margin = 0;
    for (std::size_t i = 0; i < features; ++i)
      margin += weights[i] * x[i];
    const double scale = (1 / (1 + std::exp(-label * margin)) - 1) * label;
    for (std::size_t i = 0; i < features; ++i)
      gradient[i] += scale * x[i];
  }
  return gradient;
}

vector add(vector a, const vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    a[i] += b[i];
  return a;
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::string input;
  std::uint64_t iterations = 10;
  double rate = 1;
  app::program program("logistic_regression", "Finds the weights that tell two classes of points apart.");
  program
      .argument("INPUT", input, "text: a line for each point, its class (above 0 or not) and its features, separated by blanks or commas")
      .option("--iterations", iterations, 0, "steps of gradient descent")
      .option("--rate", rate, "length of a step");

  return program.run(argc, argv, [&] {
    sal::context sc(program.settings());
    const app::stopwatch watch;
    const auto points = sc.text_file(input).map_partitions(app::parse_rows{}).cache();
    std::uint64_t rows = 0;
    std::vector<std::uint64_t> columns;
    for (const auto& [size, wide] :
         points.map([](const app::rows& block) { return std::pair<std::uint64_t, std::uint64_t>(block.size(), block.columns); })
             .collect()) {
      rows += size;
      columns.push_back(wide);
    }
    vector weights(app::common_columns(columns, input) - 1);
    const double load_seconds = watch.seconds();

    for (std::uint64_t i = 0; i < iterations; ++i) {
      const auto gradient =
          points.map(sal::bind_front([](const vector& w, const app::rows& block) { return gradient_of(w, block); }, weights))
              .filter([](const vector& one) { return !one.empty(); })
              .reduce([](vector a, const vector& b) { return add(std::move(a), b); });
      for (std::size_t f = 0; f < weights.size(); ++f)
        weights[f] -= rate * gradient[f] / static_cast<double>(rows);
    }
    app::report report{watch.seconds(), load_seconds, {}};

    double checksum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!program.json())
        std::printf("%.9g%c", weights[i], i + 1 == weights.size() ? '\n' : ' ');
      checksum += static_cast<double>(i + 1) * std::abs(weights[i]);
    }
    if (!program.json())
      std::printf("%llu points, loaded in %.3f s, all in %.3f s\n", static_cast<unsigned long long>(rows), load_seconds, report.seconds);
    report.checksum = app::rounded(checksum);
    return report;
  });
}
