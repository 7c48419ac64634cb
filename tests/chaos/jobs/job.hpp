// The jobs that run while things break. Each knows its right answer without the runtime.
#pragma once

#include <salamander/salamander.hpp>

#include "random.hpp"
#include "verdict.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

namespace chaos {

/// Where jobs may read and write.
struct job_places {
  std::filesystem::path input;
  std::filesystem::path output;
};

/// Runs a job. Returns what is wrong with its answer, "" if nothing is. Errors: what the runtime throws; the harness decides whether it
/// is honest.
using job_function = std::string (*)(salamander::context& sc, const job_request& request, const job_places& places);

std::string run_word_count(salamander::context&, const job_request&, const job_places&);
std::string run_skewed_join(salamander::context&, const job_request&, const job_places&);
std::string run_skewed_groups(salamander::context&, const job_request&, const job_places&);
std::string run_total_order(salamander::context&, const job_request&, const job_places&);
std::string run_cached_clusters(salamander::context&, const job_request&, const job_places&);
std::string run_integer_ranks(salamander::context&, const job_request&, const job_places&);
std::string run_large_results(salamander::context&, const job_request&, const job_places&);
std::string run_saved_text(salamander::context&, const job_request&, const job_places&);
std::string run_throwing_task(salamander::context&, const job_request&, const job_places&);
std::string run_fatal_task(salamander::context&, const job_request&, const job_places&);

/// Nothing for an unknown name.
job_function find_job(const std::string& name);

/// Called in tasks for each record: makes them last long enough to be hit, without taking the processor from others.
inline void linger(std::uint64_t record) {
  if (record % 64 == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

/// Small enough to be captured by a function without looking like an address.
inline std::int64_t small_seed(const job_request& request) {
  return static_cast<std::int64_t>(request.seed & 0xfffff);
}

/// A number that follows from two others; the same in tasks and in the reference.
inline std::uint64_t scramble(std::int64_t seed, std::int64_t x) {
  return random_source(static_cast<std::uint64_t>(seed) * 0x10001 + static_cast<std::uint64_t>(x)).next();
}

} // namespace chaos
