#include "baseline.hpp"

#include <cmath>
#include <cstdio>

namespace bench {

namespace {

/// Adds to `gradient` what the rows of `part`, each a label and its features, say about `weights`.
void add_gradient(const matrix& part, const std::vector<double>& weights, std::vector<double>& gradient) {
  const std::size_t features = weights.size();
  for (std::size_t r = 0; r < part.rows(); ++r) {
    const double label = part.row(r)[0] > 0 ? 1.0 : -1.0;
    const double* const x = part.row(r) + 1;
    double margin = 0;
    for (std::size_t i = 0; i < features; ++i)
      margin += weights[i] * x[i];
    const double scale = (1 / (1 + std::exp(-label * margin)) - 1) * label;
    for (std::size_t i = 0; i < features; ++i)
      gradient[i] += scale * x[i];
  }
}

} // namespace

report logistic_regression(const arguments& args) {
  const unsigned threads = args.threads();
  const double rate = args.real("rate", 1);
  const stopwatch watch;
  const std::vector<matrix> points = read_rows(args.position(0, "INPUT"), threads);
  const double load_seconds = watch.seconds();

  std::size_t rows = 0;
  for (const matrix& part : points)
    rows += part.rows();
  const std::size_t features = points.front().columns - 1;
  std::vector<double> weights(features);
  for (std::size_t iteration = args.number("iterations", 10); iteration != 0; --iteration) {
    std::vector<std::vector<double>> gradients(threads);
    in_parallel(threads, [&](unsigned t) {
      std::vector<double> gradient(features);
      add_gradient(points[t], weights, gradient);
      gradients[t] = std::move(gradient);
    });
    for (const auto& gradient : gradients)
      for (std::size_t i = 0; i < features; ++i)
        weights[i] -= rate * gradient[i] / static_cast<double>(rows);
  }
  const double seconds = watch.seconds();

  double checksum = 0;
  for (std::size_t i = 0; i < features; ++i) {
    if (!args.json())
      std::printf("%.9g%c", weights[i], i + 1 == features ? '\n' : ' ');
    checksum += static_cast<double>(i + 1) * std::abs(weights[i]);
  }
  return {seconds, load_seconds, rounded(checksum)};
}

} // namespace bench
