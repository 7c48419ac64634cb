#include <salamander/rdd/sampling.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/hash.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace salamander::core {
namespace {

constexpr std::uint64_t forever = std::numeric_limits<std::uint64_t>::max();
/// Above this probability a draw for each record is cheaper than a logarithm for each chosen one.
constexpr double gaps_below = 0.4;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

} // namespace

class record_sampler::chooser {
public:
  explicit chooser(std::uint64_t seed) : random_(mix(seed ^ 0x9e3779b97f4a7c15ULL, 0xe7037ed1a0b428dbULL)) {}
  virtual ~chooser() = default;

  /// How often this record is taken, and how many after it are not taken at all.
  virtual std::uint32_t choose(std::uint64_t& skip) = 0;
  /// How many records are not taken before the first draw.
  virtual std::uint64_t first_gap() {
    return 0;
  }

protected:
  /// In [0, 1).
  double unit() {
    return static_cast<double>(random_() >> 11) * 0x1.0p-53;
  }

  std::mt19937_64 random_;
};

class record_sampler::none final : public chooser {
public:
  using chooser::chooser;
  std::uint32_t choose(std::uint64_t& skip) override {
    skip = forever;
    return 0;
  }
};

class record_sampler::each final : public chooser {
public:
  each(std::uint64_t seed, double low, double high) : chooser(seed), low_(low), high_(high) {}
  std::uint32_t choose(std::uint64_t&) override {
    const auto at = unit();
    return at >= low_ && at < high_ ? 1 : 0;
  }

private:
  double low_;
  double high_;
};

class record_sampler::gaps final : public chooser {
public:
  gaps(std::uint64_t seed, double probability) : chooser(seed), scale_(1 / std::log1p(-probability)) {}
  std::uint32_t choose(std::uint64_t& skip) override {
    skip = gap();
    return 1;
  }
  std::uint64_t first_gap() override {
    return gap();
  }

private:
  std::uint64_t gap() {
    const auto length = std::floor(std::log1p(-unit()) * scale_);
    return length < 9e18 ? static_cast<std::uint64_t>(length) : forever;
  }
  double scale_;
};

class record_sampler::repeats final : public chooser {
public:
  repeats(std::uint64_t seed, double mean) : chooser(seed), times_(mean) {}
  std::uint32_t choose(std::uint64_t&) override {
    return times_(random_);
  }

private:
  std::poisson_distribution<std::uint32_t> times_;
};

record_sampler::record_sampler(std::unique_ptr<chooser> how) noexcept : how_(std::move(how)), skip_(how_->first_gap()) {}
record_sampler::record_sampler(record_sampler&&) noexcept = default;
record_sampler& record_sampler::operator=(record_sampler&&) noexcept = default;
record_sampler::~record_sampler() = default;

std::uint32_t record_sampler::draw() {
  return how_->choose(skip_);
}

record_sampler record_sampler::bernoulli(double probability, std::uint64_t seed) {
  if (probability <= 0)
    return record_sampler(std::make_unique<none>(seed));
  if (probability <= gaps_below)
    return record_sampler(std::make_unique<gaps>(seed, probability));
  return interval(0, probability, seed);
}

record_sampler record_sampler::poisson(double mean, std::uint64_t seed) {
  if (mean <= 0)
    return record_sampler(std::make_unique<none>(seed));
  return record_sampler(std::make_unique<repeats>(seed, mean));
}

record_sampler record_sampler::interval(double low, double high, std::uint64_t seed) {
  return record_sampler(std::make_unique<each>(seed, low, high));
}

record_sampler sampling::of(std::uint32_t partition) const {
  const auto own = mix(seed ^ 0xa0761d6478bd642fULL, (std::uint64_t{partition} << 1) | 1);
  switch (how) {
  case kind::bernoulli:
    return record_sampler::bernoulli(high, own);
  case kind::poisson:
    return record_sampler::poisson(high, own);
  case kind::interval:
    break;
  }
  return record_sampler::interval(low, high, own);
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

sampling checked_sampling(bool with_replacement, double fraction, std::optional<std::uint64_t> seed, const char* operation,
                          const source_location& where) {
  const auto place = operation + (" at " + call_site::from(where).text());
  if (!(fraction >= 0) || std::isinf(fraction))
    throw_error(errc::invalid_argument, place + ": Fraction must be nonnegative, but got " + number(fraction));
  if (!with_replacement && fraction > 1)
    throw_error(errc::invalid_argument, place + ": Sampling fraction (" + number(fraction) + ") must be on interval [0, 1]");
  sampling how;
  how.how = with_replacement ? sampling::kind::poisson : sampling::kind::bernoulli;
  how.high = fraction;
  how.seed = seed ? *seed : random_seed();
  return how;
}

std::vector<double> split_bounds(const std::vector<double>& weights, const char* operation, const source_location& where) {
  const auto place = operation + (" at " + call_site::from(where).text());
  double sum = 0;
  for (const auto weight : weights) {
    if (!(weight >= 0))
      throw_error(errc::invalid_argument, place + ": Weights must be nonnegative, but got " + number(weight));
    sum += weight;
  }
  if (!(sum > 0) || std::isinf(sum))
    throw_error(errc::invalid_argument, place + ": Sum of weights must be positive, but got " + number(sum));
  std::vector<double> bounds{0};
  double up_to = 0;
  for (const auto weight : weights)
    bounds.push_back((up_to += weight) / sum);
  // Rounding must not leave a gap at the end, nor behind the last weight that is not 0.
  for (auto i = bounds.size(); i-- > 1 && bounds[i] >= bounds.back();)
    bounds[i] = 1;
  return bounds;
}

std::vector<std::size_t> random_order(std::size_t size, std::uint64_t seed) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(mix(seed ^ 0xe7037ed1a0b428dbULL, 0x9e3779b97f4a7c15ULL));
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

// Source: X. Meng, "Scalable Simple Random Sampling and Stratified Sampling", ICML 2013: Chernoff bounds for a failure rate of 1e-4.
double fraction_for_at_least(std::uint64_t wanted, std::uint64_t total, bool with_replacement) {
  const auto fraction = static_cast<double>(wanted) / static_cast<double>(total);
  if (with_replacement) {
    const double deviations = wanted < 6 ? 12 : wanted < 12 ? 9 : 6;
    return std::max(1e-10, fraction + deviations * std::sqrt(fraction / static_cast<double>(total)));
  }
  const double slack = -std::log(1e-4) / static_cast<double>(total);
  return std::min(1.0, std::max(1e-10, fraction + slack + std::sqrt(slack * slack + 2 * slack * fraction)));
}

} // namespace salamander::core
