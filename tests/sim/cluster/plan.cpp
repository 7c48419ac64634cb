#include "plan.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace salamander::sim::cluster {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(fault_kind::count_)> names{
    "kill master",  "stop master", "pause inside", "torn append", "slow lease",   "kill worker",  "stop worker", "leave worker",
    "kill process", "kill client", "stop client",  "cut",         "cut incoming", "cut outgoing", "reset",       "ask to kill"};

/// How often in two minutes, when the kind is on.
constexpr std::array<std::uint32_t, static_cast<std::size_t>(fault_kind::count_)> weights{6, 4, 6, 6, 4, 4, 3, 2, 12, 2, 2, 5, 3, 3, 8, 3};

duration some(random_stream& random, std::uint64_t from_ms, std::uint64_t to_ms) {
  return std::chrono::milliseconds(random.between(from_ms, to_ms));
}

std::string seconds(duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>(time).count());
  return text;
}

} // namespace

std::string_view name_of(fault_kind kind) noexcept {
  return names[static_cast<std::size_t>(kind)];
}

std::string planned_fault::text() const {
  return seconds(at) + " " + std::string(name_of(kind)) + " " + std::to_string(who) + " for " + seconds(lasts);
}

std::string plan::text() const {
  std::string out = "seed " + std::to_string(seed) + ": " + std::to_string(masters) + " masters" +
                    (masters_together ? " on one machine, " : ", ") + std::to_string(workers) + " workers, " +
                    std::to_string(clients.size()) + " clients, " + std::to_string(submissions.size()) + " submissions, " +
                    std::to_string(lost_percent) + " % lost, " + std::to_string(repeated_percent) + " % repeated, delays up to " +
                    seconds(delay_max) + "\n";
  for (const auto& one : faults)
    out += "  " + one.text() + "\n";
  return out;
}

plan make_plan(std::uint64_t seed) {
  random_stream random(seed, 1);
  plan made;
  made.seed = seed;
  made.masters = static_cast<std::uint32_t>(random.between(1, 3));
  made.workers = static_cast<std::uint32_t>(random.between(2, 5));
  made.masters_together = random.once_in(4);
  made.fair = random.once_in(3);
  made.spread_out = !random.once_in(3);
  made.lost_percent = random.once_in(2) ? 0 : random.below(25);
  made.repeated_percent = random.once_in(2) ? 0 : random.below(20);
  made.delay_max = some(random, 2, random.once_in(3) ? 1500 : 60);
  made.disturbed = some(random, 30'000, 70'000);
  const auto end_ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(made.disturbed).count());
  for (auto left = random.below(4); left > 0; --left)
    made.clients.push_back({some(random, 0, end_ms), random.once_in(2) ? duration::zero() : some(random, 2000, 30'000),
                            static_cast<std::uint32_t>(random.between(1, 2))});
  // Those that never end leave room for the others.
  for (std::size_t at = 2; at < made.clients.size(); ++at)
    made.clients[at].works = some(random, 2000, 30'000);
  for (auto left = random.below(5); left > 0; --left)
    made.submissions.push_back(
        {some(random, 0, end_ms), some(random, 1000, 12'000), random.once_in(2) ? 0 : random.below(3), random.once_in(2)});
  for (std::size_t kind = 0; kind < names.size(); ++kind) {
    if (random.once_in(2))
      continue;
    // So many in two minutes, at times that have nothing to do with each other.
    const auto expected = static_cast<std::uint64_t>(weights[kind]) * end_ms / 120'000 + 1;
    for (auto left = random.below(2 * expected + 1); left > 0; --left)
      made.faults.push_back({static_cast<fault_kind>(kind), some(random, 500, end_ms), some(random, 50, random.once_in(4) ? 25'000 : 4000),
                             random.below(1U << 16)});
  }
  std::ranges::stable_sort(made.faults, {}, &planned_fault::at);
  return made;
}

} // namespace salamander::sim::cluster
