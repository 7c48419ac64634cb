#include "jobs/job.hpp"

#include <array>

namespace chaos {
namespace {

namespace sal = salamander;

// K-means in whole numbers: whatever the order of additions, the answer is the same to the last bit.
constexpr std::int64_t point_count = 20000;
constexpr std::size_t centre_count = 5;
constexpr int iterations = 6;

struct point {
  std::int64_t x = 0;
  std::int64_t y = 0;
  bool operator==(const point&) const = default;
};
using centres = std::vector<point>;

struct sums {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t members = 0;
};

point point_of(std::int64_t seed, std::int64_t i) {
  const auto mixed = scramble(seed, i);
  return {static_cast<std::int64_t>(mixed % 100000), static_cast<std::int64_t>((mixed >> 32) % 100000)};
}

std::size_t nearest(const centres& to, const point& from) {
  std::size_t best = 0;
  auto best_distance = INT64_MAX;
  for (std::size_t c = 0; c < to.size(); ++c) {
    const auto dx = to[c].x - from.x;
    const auto dy = to[c].y - from.y;
    if (dx * dx + dy * dy < best_distance) {
      best_distance = dx * dx + dy * dy;
      best = c;
    }
  }
  return best;
}

void move(centres& all, const std::vector<sums>& found) {
  for (std::size_t c = 0; c < all.size(); ++c)
    if (found[c].members > 0)
      all[c] = {found[c].x / found[c].members, found[c].y / found[c].members};
}

centres first_centres(std::int64_t seed) {
  centres all;
  for (std::size_t c = 0; c < centre_count; ++c)
    all.push_back(point_of(seed, static_cast<std::int64_t>(c)));
  return all;
}

centres reference(std::int64_t seed) {
  auto all = first_centres(seed);
  for (int i = 0; i < iterations; ++i) {
    std::vector<sums> found(centre_count);
    for (std::int64_t p = 0; p < point_count; ++p) {
      const auto at = point_of(seed, p);
      auto& to = found[nearest(all, at)];
      to = {to.x + at.x, to.y + at.y, to.members + 1};
    }
    move(all, found);
  }
  return all;
}

} // namespace

std::string run_cached_clusters(sal::context& sc, const job_request& request, const job_places&) {
  const auto seed = small_seed(request);
  const auto points = sc.range(0, point_count, 1, 6)
                          .map([seed](std::int64_t i) {
                            linger(static_cast<std::uint64_t>(i));
                            return point_of(seed, i);
                          })
                          .cache();
  auto all = first_centres(seed);
  for (int i = 0; i < iterations; ++i) {
    std::vector<sums> found(centre_count);
    const auto assigned = points.map(sal::bind_front(
        [](const centres& to, const point& at) {
          return std::pair{static_cast<std::int64_t>(nearest(to, at)), sums{at.x, at.y, 1}};
        },
        all));
    for (const auto& [centre, sum] :
         assigned.reduce_by_key(
                     [](const sums&a, const sums&b) {
                       return sums{a.x + b.x, a.y + b.y, a.members + b.members};
                     },
                     3)
             .collect())
      found[static_cast<std::size_t>(centre)] = sum;
    move(all, found);
  }
  points.unpersist();
  return all == reference(seed) ? std::string() : "the centres are not those of a single thread";
}

} // namespace chaos
