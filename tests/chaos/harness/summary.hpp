// What a run did, in numbers.
#pragma once

#include "proxy/byte_proxy.hpp"
#include "verdict.hpp"

#include <map>
#include <string>
#include <vector>

namespace chaos {

struct run_summary {
  struct job_counts {
    std::uint32_t right = 0;
    std::uint32_t failed = 0;  ///< honestly
    std::uint32_t cut_off = 0; ///< by the end of their driver
  };
  struct fault_counts {
    std::uint32_t done = 0;
    std::uint32_t not_done = 0; ///< there was nobody to do it to
  };
  std::map<std::string, job_counts> jobs;
  std::map<std::string, fault_counts> faults; ///< of all kinds that there are
  std::map<std::string, std::uint32_t> failure_codes;
  std::map<std::string, std::uint32_t> errors; ///< messages at error level, by the words by which they are known
  std::uint32_t episodes = 0;
  std::uint32_t drivers = 0;
  std::uint32_t executors = 0;
  double slowest_recovery_seconds = 0;
  std::vector<std::string> bugs;
};

std::string to_text(const run_summary& all, const byte_proxy::totals& lines, double seconds);

} // namespace chaos
