#include "jobs/job.hpp"

#include <algorithm>

namespace chaos {

std::string run_total_order(salamander::context& sc, const job_request& request, const job_places&) {
  constexpr std::int64_t records = 30000;
  constexpr std::uint64_t keys = 9000; // some occur several times: those keep their order
  const auto seed = small_seed(request);
  const auto record = [seed](std::int64_t x) {
    linger(static_cast<std::uint64_t>(x));
    return std::pair{static_cast<std::int64_t>(scramble(seed, x) % keys), x};
  };
  const auto found = sc.range(0, records, 1, 6).map(record).sort_by_key(true, 5).collect();
  std::vector<std::pair<std::int64_t, std::int64_t>> right;
  for (std::int64_t x = 0; x < records; ++x)
    right.emplace_back(static_cast<std::int64_t>(scramble(seed, x) % keys), x);
  std::stable_sort(right.begin(), right.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (found == right)
    return {};
  if (found.size() != right.size())
    return std::to_string(found.size()) + " records instead of " + std::to_string(right.size());
  const auto at = std::mismatch(found.begin(), found.end(), right.begin()).first - found.begin();
  return "the order is wrong from record " + std::to_string(at) + " on";
}

} // namespace chaos
