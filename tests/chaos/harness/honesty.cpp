#include "harness/honesty.hpp"

#include <algorithm>

namespace chaos {
namespace {

struct rule {
  std::string_view words;
  cause excuses;
};

constexpr auto executors_end = cause::executor_gone | cause::control_broken | cause::driver_gone | cause::memory_short |
                               cause::orders_damaged | cause::local_disk_full | cause::machine_busy;

constexpr rule codes[] = {
    // A task that loses its executor as often as is allowed, or cannot get from the driver what it needs.
    {"executor_lost", executors_end | cause::blocks_broken},
    {"fetch_failed", executors_end | cause::blocks_broken},
    {"stage_aborted", executors_end | cause::blocks_broken},
    {"no_executors", executors_end},
    {"input/output_error", cause::output_disk_full | cause::local_disk_full},
    {"out_of_disk", cause::output_disk_full | cause::local_disk_full},
    {"out_of_memory", cause::memory_short},
};

// Programs that break their own rules say so in these words. Nothing excuses them.
constexpr std::string_view alarms[] = {"Sanitizer",   "runtime error:",  "Assertion `",         "assertion failed", "corrupted",
                                       "double free", "stack smashing",  "pure virtual",        "free(): invalid",  "munmap_chunk()",
                                       "malloc(): ",  "buffer overflow", "salamander: internal"};

// The messages at error level that faults explain. Any other one is a bug.
constexpr rule messages[] = {
    {"the driver went away", executors_end},
    {"the driver has been silent for", executors_end},
    {"the driver had given this executor up", executors_end},
    {"no connection to the driver", executors_end},
    {"cannot connect to", executors_end},
    {"is damaged: its checksum is wrong", cause::orders_damaged},
    {"is not an executor spec", cause::orders_damaged},
    {"speaks protocol version", cause::orders_damaged},
    {"bytes are missing", cause::orders_damaged},
    {"executor could not be started", executors_end},
    {"cannot allocate", cause::memory_short},
    {"Cannot allocate", cause::memory_short},
    {"bad_alloc", cause::memory_short},
    {"cannot create OpenSSL context", cause::memory_short}, // all that the library says of it
    {"Resource temporarily unavailable", cause::memory_short},
    {"No space left on device", cause::local_disk_full | cause::output_disk_full},
};

} // namespace

cause excuses_of_code(std::string_view code) {
  for (const auto& one : codes)
    if (code == one.words)
      return one.excuses;
  return cause::none;
}

line_judgement judge_line(std::string_view line) {
  for (const auto words : alarms)
    if (line.find(words) != line.npos)
      return {true, cause::none, words};
  constexpr std::string_view marks[] = {" E salamander ", "terminate called", "  what():", "*** unhandled exception"};
  if (std::ranges::none_of(marks, [line](auto mark) { return line.find(mark) != line.npos; }))
    return {};
  for (const auto& one : messages)
    if (line.find(one.words) != line.npos)
      return {true, one.excuses, one.words};
  return {true, cause::none};
}

} // namespace chaos
