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
  std::map<std::string, job_counts> jobs;
  std::map<std::string, std::uint32_t> faults;
  std::map<std::string, std::uint32_t> failure_codes;
  std::uint32_t episodes = 0;
  std::uint32_t drivers = 0;
  std::uint32_t executors = 0;
  double slowest_recovery_seconds = 0;
  std::vector<std::string> bugs;
};

std::string to_text(const run_summary& all, const byte_proxy::totals& lines, double seconds);

} // namespace chaos
