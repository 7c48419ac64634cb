#include "jobs/job.hpp"

namespace chaos {

job_function find_job(const std::string& name) {
  struct entry {
    const char* name;
    job_function run;
  };
  constexpr entry entries[] = {
      {"word_count", run_word_count},       {"skewed_join", run_skewed_join},         {"skewed_groups", run_skewed_groups},
      {"total_order", run_total_order},     {"cached_clusters", run_cached_clusters}, {"integer_ranks", run_integer_ranks},
      {"large_results", run_large_results}, {"saved_text", run_saved_text},           {"throwing_task", run_throwing_task},
      {"fatal_task", run_fatal_task},
  };
  for (const auto& one : entries)
    if (name == one.name)
      return one.run;
  return nullptr;
}

} // namespace chaos
