#include <salamander/rdd/approximate.hpp>

#include <salamander/rdd/call_site.hpp>
#include <salamander/rdd/error.hpp>

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/poisson.hpp>
#include <boost/math/distributions/students_t.hpp>

#include <cmath>
#include <limits>

namespace salamander::core {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Beyond so many numbers Student's distribution is as good as the normal one.
constexpr std::uint64_t few_numbers = 100;

bounded_double exactly(double value) {
  return {value, 1, value, value};
}

/// How many standard deviations to either side hold the estimate with this probability.
double deviations(std::uint64_t count, double confidence) {
  if (confidence >= 1)
    return infinity;
  const double tail = 1 - (1 - confidence) / 2;
  if (count > few_numbers)
    return boost::math::quantile(boost::math::normal(), tail);
  return boost::math::quantile(boost::math::students_t(static_cast<double>(count - 1)), tail);
}

bounded_double around(double mean, double deviation, std::uint64_t count, double confidence) {
  const double reach = deviation == 0 ? 0 : deviations(count, confidence) * deviation;
  return {mean, confidence, mean - reach, mean + reach};
}

} // namespace

// Source: Spark's CountEvaluator, SumEvaluator and MeanEvaluator.
bounded_double estimate_count(std::uint64_t seen, job_share of, double confidence) {
  const auto known = static_cast<double>(seen);
  if (of.all())
    return exactly(known);
  if (seen == 0)
    return {0, 0, 0, infinity};
  const boost::math::poisson missing(known * (1 - of.portion()) / of.portion());
  const double low = confidence >= 1 ? 0 : boost::math::quantile(missing, (1 - confidence) / 2);
  const double high = confidence >= 1 ? infinity : boost::math::quantile(missing, (1 + confidence) / 2);
  return {known + missing.mean(), confidence, known + low, known + high};
}

bounded_double estimate_mean(const stat_counter& seen, job_share of, double confidence) {
  if (of.all())
    return exactly(seen.mean());
  if (seen.count() == 0)
    return {0, 0, -infinity, infinity};
  if (seen.count() == 1)
    return {seen.mean(), confidence, -infinity, infinity};
  const double deviation = std::sqrt(seen.sample_variance() / static_cast<double>(seen.count()));
  return around(seen.mean(), deviation, seen.count(), confidence);
}

bounded_double estimate_sum(const stat_counter& seen, job_share of, double confidence) {
  if (of.all())
    return exactly(seen.sum());
  if (seen.count() == 0)
    return {0, 0, -infinity, infinity};
  const double p = of.portion();
  const auto known = static_cast<double>(seen.count());
  const double count = known + known * (1 - p) / p;
  const double sum = seen.mean() * count;
  if (seen.count() == 1)
    return {sum, confidence, -infinity, infinity};
  // The product of two independent estimates: of the mean, and of the number of numbers.
  const double mean_variance = seen.sample_variance() / known;
  const double count_variance = (known + 1) * (1 - p) / (p * p);
  const double variance = seen.mean() * seen.mean() * count_variance + count * count * mean_variance + mean_variance * count_variance;
  return around(sum, std::sqrt(variance), seen.count(), confidence);
}

void check_confidence(double confidence, const char* operation, const source_location& where) {
  if (!(confidence >= 0 && confidence <= 1))
    throw_error(errc::invalid_argument, std::string(operation) + " at " + call_site::from(where).text() + ": confidence (" +
                                            std::to_string(confidence) + ") must be in [0, 1]");
}

} // namespace salamander::core
