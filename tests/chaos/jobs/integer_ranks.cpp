#include "jobs/job.hpp"

#include <map>

namespace chaos {
namespace {

namespace sal = salamander;

// PageRank in whole millionths: sums do not depend on the order of additions.
constexpr std::int64_t pages = 2500;
constexpr std::int64_t one = 1000000;
constexpr int iterations = 4;

using links = std::vector<std::int64_t>;

links links_of(std::int64_t seed, std::int64_t page) {
  links all;
  for (std::uint64_t i = 0, count = 1 + scramble(seed, page) % 7; i < count; ++i)
    all.push_back(static_cast<std::int64_t>(scramble(seed + 1, page * 8 + static_cast<std::int64_t>(i)) % pages));
  return all;
}

std::int64_t damped(std::int64_t sum) {
  return one * 15 / 100 + sum * 85 / 100;
}

std::map<std::int64_t, std::int64_t> reference(std::int64_t seed) {
  std::map<std::int64_t, std::int64_t> ranks;
  for (std::int64_t p = 0; p < pages; ++p)
    ranks[p] = one;
  for (int i = 0; i < iterations; ++i) {
    std::map<std::int64_t, std::int64_t> sums;
    for (const auto& [page, rank] : ranks) {
      const auto to = links_of(seed, page);
      for (const auto other : to)
        sums[other] += rank / static_cast<std::int64_t>(to.size());
    }
    ranks.clear();
    for (const auto& [page, sum] : sums)
      ranks[page] = damped(sum);
  }
  return ranks;
}

} // namespace

std::string run_integer_ranks(sal::context& sc, const job_request& request, const job_places&) {
  const auto seed = small_seed(request);
  const auto graph = sc.range(0, pages, 1, 4)
                         .map([seed](std::int64_t page) {
                           linger(static_cast<std::uint64_t>(page) * 8);
                           return std::pair{page, links_of(seed, page)};
                         })
                         .partition_by(4)
                         .cache();
  sal::rdd<std::pair<std::int64_t, std::int64_t>> ranks = graph.map_values([](const links&) { return std::int64_t{one}; });
  for (int i = 0; i < iterations; ++i)
    ranks = graph.join(ranks)
                .values()
                .flat_map([](const std::pair<links, std::int64_t>& page) {
                  std::vector<std::pair<std::int64_t, std::int64_t>> shares;
                  for (const auto other : page.first)
                    shares.emplace_back(other, page.second / static_cast<std::int64_t>(page.first.size()));
                  return shares;
                })
                .reduce_by_key(std::plus<>{}, 4)
                .map_values([](std::int64_t sum) { return damped(sum); });
  const auto found = ranks.collect_as_map();
  graph.unpersist();
  const auto right = reference(seed);
  if (found.size() != right.size())
    return std::to_string(found.size()) + " pages instead of " + std::to_string(right.size());
  for (const auto& [page, rank] : right)
    if (const auto at = found.find(page); at == found.end() || at->second != rank)
      return "the rank of page " + std::to_string(page) + " is wrong";
  return {};
}

} // namespace chaos
