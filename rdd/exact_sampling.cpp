#include <salamander/rdd/exact_sampling.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace salamander::core {
namespace {

/// In [0, 1).
double unit(random_bits& random) {
  return static_cast<double>(random() >> 11) * 0x1.0p-53;
}

/// In [0, end), each number equally likely.
std::uint64_t below(std::uint64_t end, random_bits& random) {
  return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random);
}

std::uint64_t binomial(std::uint64_t trials, double probability, random_bits& random) {
  return static_cast<std::uint64_t>(std::binomial_distribution<std::int64_t>(static_cast<std::int64_t>(trials), probability)(random));
}

double log_factorial(std::uint64_t n) {
  int sign = 0;
  return ::lgamma_r(static_cast<double>(n) + 1, &sign);
}

double log_choices(std::uint64_t n, std::uint64_t k) {
  return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/// How many of `drawn` records, drawn from `all` of which `marked` are marked, are marked ones. Goes outwards from the most likely
/// number, so that it takes about as many steps as the standard deviation is large.
std::uint64_t hypergeometric(std::uint64_t all, std::uint64_t marked, std::uint64_t drawn, random_bits& random) {
  const auto least = drawn + marked > all ? drawn + marked - all : 0;
  const auto most = std::min(marked, drawn);
  if (least == most)
    return least;
  const auto middle = static_cast<double>(drawn + 1) * static_cast<double>(marked + 1) / static_cast<double>(all + 2);
  const auto mode = std::clamp(static_cast<std::uint64_t>(middle), least, most);
  const auto at_mode = std::exp(log_choices(marked, mode) + log_choices(all - marked, drawn - mode) - log_choices(all, drawn));
  const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
  double left = unit(random) - at_mode;
  double up = at_mode;
  double down = at_mode;
  for (auto above = mode, below = mode; left >= 0 && (above < most || below > least);) {
    if (above < most) {
      up *= number(marked - above) * number(drawn - above) / (number(above + 1) * number(all - marked + above + 1 - drawn));
      ++above;
      if ((left -= up) < 0)
        return above;
    }
    if (below > least) {
      down *= number(below) * number(all - marked + below - drawn) / (number(marked - below + 1) * number(drawn - below + 1));
      --below;
      if ((left -= down) < 0)
        return below;
    }
  }
  return mode;
}

} // namespace

quota_sampler::quota_sampler(stratum_quota quota, bool with_replacement, std::uint64_t seed)
    : quota_(quota), with_replacement_(with_replacement), random_{mix(seed ^ 0xe7037ed1a0b428dbULL, 0x9e3779b97f4a7c15ULL)} {}

std::uint32_t quota_sampler::draw() {
  std::uint64_t times = 0;
  if (!with_replacement_)
    times = below(quota_.size, random_) < quota_.wanted ? 1 : 0;
  else
    times = quota_.size == 1 ? quota_.wanted : binomial(quota_.wanted, 1 / static_cast<double>(quota_.size), random_);
  --quota_.size;
  quota_.wanted -= times;
  return static_cast<std::uint32_t>(times);
}

std::uint64_t exact_size(double fraction, std::uint64_t size) {
  return static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(size)));
}

std::vector<std::uint64_t> split_sample(const std::vector<std::uint64_t>& sizes, std::uint64_t wanted, bool with_replacement,
                                        std::uint64_t seed) {
  random_bits random{mix(seed ^ 0xa0761d6478bd642fULL, 0x9e3779b97f4a7c15ULL)};
  auto left = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
  std::vector<std::uint64_t> shares;
  for (const auto size : sizes) {
    std::uint64_t share = 0;
    if (size == left)
      share = wanted;
    else if (size != 0 && wanted != 0)
      share = with_replacement ? binomial(wanted, static_cast<double>(size) / static_cast<double>(left), random)
                               : hypergeometric(left, size, wanted, random);
    shares.push_back(share);
    left -= size;
    wanted -= share;
  }
  return shares;
}

} // namespace salamander::core
