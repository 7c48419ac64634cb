#include "jobs/job.hpp"

namespace chaos {

/// Data that the driver holds, and results too large for messages: blocks from and to the driver.
std::string run_large_results(salamander::context& sc, const job_request& request, const job_places&) {
  constexpr std::int64_t records = 4000;
  const auto seed = small_seed(request);
  std::vector<std::string> given;
  for (std::int64_t i = 0; i < records; ++i)
    given.push_back(std::string(300 + scramble(seed, i) % 400, static_cast<char>('a' + i % 26)) + std::to_string(i));
  const auto found = sc.parallelize(given, 5)
                         .map([](const std::string& text) {
                           linger(text.size());
                           return text + "!";
                         })
                         .collect();
  if (found.size() != given.size())
    return std::to_string(found.size()) + " records instead of " + std::to_string(given.size());
  for (std::size_t i = 0; i < given.size(); ++i)
    if (found[i] != given[i] + "!")
      return "record " + std::to_string(i) + " is wrong";
  return {};
}

} // namespace chaos
