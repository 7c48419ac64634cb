#include "harness/job_mix.hpp"

#include "random.hpp"

#include <span>

namespace chaos {
namespace {

struct weighted {
  const char* job;
  unsigned weight;
};

constexpr weighted during_faults[] = {{"word_count", 4},      {"skewed_join", 3},   {"skewed_groups", 3}, {"total_order", 3},
                                      {"cached_clusters", 3}, {"integer_ranks", 3}, {"large_results", 3}, {"saved_text", 4},
                                      {"throwing_task", 1},   {"fatal_task", 1}};
constexpr weighted after_faults[] = {{"word_count", 1}, {"skewed_join", 1}, {"large_results", 1}, {"saved_text", 1}};

job_request pick(std::span<const weighted> from, std::uint64_t seed, std::uint32_t number) {
  random_source random(derive(seed, "job", number));
  std::uint64_t total = 0;
  for (const auto& one : from)
    total += one.weight;
  auto at = random.below(total);
  job_request made{number, random.next(), {}};
  for (const auto& one : from) {
    if (at < one.weight) {
      made.job = one.job;
      break;
    }
    at -= one.weight;
  }
  return made;
}

} // namespace

job_request job_during_faults(std::uint64_t seed, std::uint32_t number) {
  return pick(during_faults, seed, number);
}

job_request job_after_faults(std::uint64_t seed, std::uint32_t number) {
  return pick(after_faults, seed, number);
}

} // namespace chaos
