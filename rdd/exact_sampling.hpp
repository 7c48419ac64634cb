// Samples of an exact size for each key: sample_by_key_exact.
#pragma once

#include <salamander/rdd/sampling.hpp>

#include <limits>

namespace salamander::core {

/// A generator of random bits that is small enough to have one for each key. Source: splitmix64, with the mixing of hash.hpp.
struct random_bits {
  using result_type = std::uint64_t;

  std::uint64_t state = 0;

  static constexpr result_type min() noexcept {
    return 0;
  }
  static constexpr result_type max() noexcept {
    return std::numeric_limits<result_type>::max();
  }
  result_type operator()() noexcept {
    return mix(state += 0x9e3779b97f4a7c15ULL, 0xe7037ed1a0b428dbULL);
  }
};

/// A key's records in a partition: how many there are, and how many of them are wanted.
struct stratum_quota {
  std::uint64_t size = 0;
  std::uint64_t wanted = 0;
};

/// Chooses exactly `wanted` of a sequence of `size` records, every choice equally likely. Reads them once and keeps none.
/// Source: selection sampling, Knuth, TAOCP vol. 2, 3.4.2 algorithm S; with replacement each record takes its share of what is
/// left, a binomial variable.
class quota_sampler {
public:
  quota_sampler(stratum_quota quota, bool with_replacement, std::uint64_t seed);

  /// How often the next record is taken. 0 for records beyond `size`.
  template <class Record>
  std::uint32_t take(const Record&) {
    if (quota_.wanted == 0 || quota_.size == 0)
      return 0;
    return draw();
  }

private:
  std::uint32_t draw();

  stratum_quota quota_;
  bool with_replacement_;
  random_bits random_;
};

/// ceil(fraction * size).
std::uint64_t exact_size(double fraction, std::uint64_t size);

/// How a sample of `wanted` of all records falls on parts of these sizes: as it would if it were chosen from all of them at once.
/// Requires: without replacement, wanted is at most the sum of sizes.
std::vector<std::uint64_t> split_sample(const std::vector<std::uint64_t>& sizes, std::uint64_t wanted, bool with_replacement,
                                        std::uint64_t seed);

/// How a dataset of pairs is sampled exactly; a plan carries it.
template <class K>
struct exact_sampling {
  bool with_replacement = false;
  std::uint64_t seed = 0;
  std::vector<std::vector<std::pair<K, stratum_quota>>> quotas; ///< of each partition

  stratified_sampler<K, quota_sampler> of(std::uint32_t partition) const {
    stratified_sampler<K, quota_sampler> all;
    if (partition >= quotas.size())
      return all;
    std::uint64_t stratum = 0;
    for (const auto& [key, quota] : quotas[partition])
      all.add(key, {quota, with_replacement, mix(mix(seed ^ ++stratum, 0x9e3779b97f4a7c15ULL) ^ partition, 0xa0761d6478bd642fULL)});
    return all;
  }
};

} // namespace salamander::core
