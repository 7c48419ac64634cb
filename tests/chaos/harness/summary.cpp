#include "harness/summary.hpp"

#include <cstdio>

namespace chaos {
namespace {

template <class... Args>
std::string format(const char* how, Args... args) {
  char text[256];
  std::snprintf(text, sizeof text, how, args...);
  return text;
}

} // namespace

std::string to_text(const run_summary& all, const byte_proxy::totals& lines, double seconds) {
  std::uint32_t jobs = 0;
  std::uint32_t faults = 0;
  for (const auto& [name, counts] : all.jobs)
    jobs += counts.right + counts.failed + counts.cut_off;
  for (const auto& [name, count] : all.faults)
    faults += count;
  std::string text = format("%.0f s, %u episodes, %u applications, %u executors, %u jobs, %u faults\n", seconds, all.episodes, all.drivers,
                            all.executors, jobs, faults);
  text += format("slowest recovery %.1f s\njobs                  right  failed  cut off\n", all.slowest_recovery_seconds);
  for (const auto& [name, counts] : all.jobs)
    text += format("  %-18s %6u  %6u  %7u\n", name.c_str(), counts.right, counts.failed, counts.cut_off);
  text += "failures, all explained by faults\n";
  for (const auto& [code, count] : all.failure_codes)
    text += format("  %-18s %6u\n", code.c_str(), count);
  text += "faults\n";
  for (const auto& [name, count] : all.faults)
    text += format("  %-28s %6u\n", name.c_str(), count);
  text += format("lines: %llu connections, %llu MiB, %llu bits flipped, %llu truncated, %llu reset, %llu refused\n",
                 static_cast<unsigned long long>(lines.accepted), static_cast<unsigned long long>(lines.bytes >> 20),
                 static_cast<unsigned long long>(lines.flipped_bits), static_cast<unsigned long long>(lines.truncations),
                 static_cast<unsigned long long>(lines.resets), static_cast<unsigned long long>(lines.refused));
  text += format("bugs found: %zu\n", all.bugs.size());
  for (const auto& bug : all.bugs)
    text += "  " + bug + "\n";
  return text;
}

} // namespace chaos
