#include "harness/schedule.hpp"

#include "random.hpp"

#include <algorithm>
#include <cstdio>

namespace chaos {
namespace {

constexpr milliseconds shortest_episode{12000};
constexpr milliseconds longest_episode{40000};
constexpr double milliseconds_of_rates = 120000;

void plan_kind(episode& into, const fault_kind& kind, double intensity, random_source random) {
  const double mean = milliseconds_of_rates / (kind.per_two_minutes * intensity);
  for (double at = random.exponential(mean); at < static_cast<double>(into.length.count()); at += random.exponential(mean)) {
    planned_fault one;
    one.at = milliseconds(static_cast<std::int64_t>(at));
    one.lasts = std::min(milliseconds(random.between(kind.shortest.count(), kind.longest.count())), into.length - one.at);
    one.choice = random.next();
    one.kind = kind;
    into.faults.push_back(std::move(one));
  }
}

} // namespace

episode plan_episode(std::uint64_t seed, std::uint32_t number, const std::vector<fault_kind>& all, double intensity) {
  const auto own = derive(seed, "episode", number);
  random_source random(own);
  episode made;
  made.number = number;
  made.length = milliseconds(random.between(shortest_episode.count(), longest_episode.count()));
  // Few kinds at a time, or about half of them.
  const double probability = random.chance(0.3) ? 0.15 : 0.5;
  for (const auto& kind : all) {
    if (!random_source(derive(own, kind.name, 0)).chance(probability))
      continue;
    made.kinds.push_back(kind.name);
    plan_kind(made, kind, intensity, random_source(derive(own, kind.name, 1)));
  }
  std::stable_sort(made.faults.begin(), made.faults.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return made;
}

std::string describe(const episode& what) {
  char head[96];
  std::snprintf(head, sizeof head, "episode %u, %.1f s, %zu of the kinds of faults on\n", what.number,
                static_cast<double>(what.length.count()) / 1000, what.kinds.size());
  std::string text = head;
  for (const auto& one : what.faults) {
    char line[160];
    std::snprintf(line, sizeof line, "  %6.1f s  %-28s for %4.1f s  choice %016llx\n", static_cast<double>(one.at.count()) / 1000,
                  one.kind.name.c_str(), static_cast<double>(one.lasts.count()) / 1000, static_cast<unsigned long long>(one.choice));
    text += line;
  }
  return text;
}

} // namespace chaos
