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
  for (const auto& [name, counts] : all.faults)
    faults += counts.done;
  std::string text = format("%.0f s, %u episodes, %u applications, %u executors, %u jobs, %u faults\n", seconds, all.episodes, all.drivers,
                            all.executors, jobs, faults);
  text += format("slowest recovery %.1f s\njobs                  right  failed  cut off\n", all.slowest_recovery_seconds);
  for (const auto& [name, counts] : all.jobs)
    text += format("  %-18s %6u  %6u  %7u\n", name.c_str(), counts.right, counts.failed, counts.cut_off);
  text += "failures, all explained by faults\n";
  for (const auto& [code, count] : all.failure_codes)
    text += format("  %-18s %6u\n", code.c_str(), count);
  text += "messages at error level, all explained by faults\n";
  for (const auto& [words, count] : all.errors)
    text += format("  %-38s %6u\n", words.c_str(), count);
  text += "faults                          done  not possible\n";
  for (const auto& [name, counts] : all.faults)
    text += format("  %-28s %6u  %12u\n", name.c_str(), counts.done, counts.not_done);
  text += "what became of bytes and connections\n";
  const std::pair<const char*, std::uint64_t> effects[] = {
      {"connections", lines.accepted},  {"refused: nobody there", lines.refused}, {"reset", lines.resets},
      {"truncated", lines.truncations}, {"MiB passed on", lines.bytes >> 20},     {"bits flipped", lines.flipped_bits},
      {"pieces held back", lines.held}, {"pieces delayed", lines.delayed},        {"pieces trickled", lines.trickled}};
  for (const auto& [name, count] : effects)
    text += format("  %-28s %6llu\n", name, static_cast<unsigned long long>(count));
  text += format("bugs found: %zu\n", all.bugs.size());
  for (const auto& bug : all.bugs)
    text += "  " + bug + "\n";
  return text;
}

} // namespace chaos
