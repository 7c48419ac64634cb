#include "jobs/job.hpp"
#include "jobs/saved_output.hpp"

namespace chaos {

std::string run_saved_text(salamander::context& sc, const job_request& request, const job_places& places) {
  const auto seed = small_seed(request);
  const auto directory = saved_path(places.output, request.number);
  const auto lines = sc.range(0, 12000, 1, saved_partitions).map([seed](std::int64_t x) {
    linger(static_cast<std::uint64_t>(x));
    return saved_line(seed, x);
  });
  try {
    lines.save_as_text_file(directory.string());
  } catch (const salamander::error&) {
    if (auto left = check_not_saved(directory); !left.empty())
      return left;
    throw;
  }
  auto problem = check_saved(directory, seed);
  if (problem.empty())
    std::filesystem::remove_all(directory);
  return problem;
}

} // namespace chaos
