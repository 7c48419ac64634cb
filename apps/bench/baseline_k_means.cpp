#include "baseline.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

namespace bench {

namespace {

struct sums {
  std::vector<double> coordinates;
  std::vector<std::uint64_t> members;
};

std::size_t nearest(const double* point, const matrix& centres) {
  std::size_t best = 0;
  double best_distance = std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < centres.rows(); ++c) {
    const double* const centre = centres.row(c);
    double distance = 0;
    for (std::size_t i = 0; i < centres.columns; ++i)
      distance += (point[i] - centre[i]) * (point[i] - centre[i]);
    if (distance < best_distance) {
      best_distance = distance;
      best = c;
    }
  }
  return best;
}

sums assign(const matrix& part, const matrix& centres) {
  sums result{std::vector<double>(centres.values.size()), std::vector<std::uint64_t>(centres.rows())};
  for (std::size_t r = 0; r < part.rows(); ++r) {
    const double* const point = part.row(r);
    const std::size_t c = nearest(point, centres);
    ++result.members[c];
    for (std::size_t i = 0; i < centres.columns; ++i)
      result.coordinates[c * centres.columns + i] += point[i];
  }
  return result;
}

} // namespace

report k_means(const arguments& args) {
  const unsigned threads = args.threads();
  const std::size_t k = args.number("k", 10);
  const stopwatch watch;
  const std::vector<matrix> points = read_rows(args.position(0, "INPUT"), threads);
  const double load_seconds = watch.seconds();

  const std::size_t dimensions = points.front().columns;
  matrix centres{dimensions, {}};
  for (const matrix& part : points)
    for (std::size_t r = 0; r < part.rows() && centres.rows() < k; ++r)
      centres.values.insert(centres.values.end(), part.row(r), part.row(r) + dimensions);
  for (std::size_t iteration = args.number("iterations", 10); iteration != 0; --iteration) {
    std::vector<sums> partial(threads);
    in_parallel(threads, [&](unsigned t) { partial[t] = assign(points[t], centres); });
    for (std::size_t c = 0; c < centres.rows(); ++c) {
      std::uint64_t members = 0;
      for (const sums& part : partial)
        members += part.members[c];
      for (std::size_t i = 0; members != 0 && i < dimensions; ++i) {
        double sum = 0;
        for (const sums& part : partial)
          sum += part.coordinates[c * dimensions + i];
        centres.values[c * dimensions + i] = sum / static_cast<double>(members);
      }
    }
  }
  const double seconds = watch.seconds();

  double checksum = 0;
  for (std::size_t c = 0; c < centres.rows(); ++c)
    for (std::size_t i = 0; i < dimensions; ++i) {
      const double value = centres.row(c)[i];
      if (!args.json())
        std::printf("%.9g%c", value, i + 1 == dimensions ? '\n' : ' ');
      checksum += static_cast<double>(c + 1) * std::abs(value);
    }
  return {seconds, load_seconds, rounded(checksum)};
}

} // namespace bench
