#include "jobs/job.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>

namespace chaos {
namespace {

namespace sal = salamander;

constexpr std::int64_t records = 4000;

/// The error of a job that must not succeed. Errors: another one than `code`, which then has another cause.
template <class F>
std::string check_error(F&& job, sal::errc code, std::initializer_list<const char*> must_say) {
  try {
    job();
  } catch (const sal::error& failure) {
    if (failure.code() != code)
      throw;
    const std::string text = failure.what();
    for (const char* const words : must_say)
      if (text.find(words) == std::string::npos)
        return "the error does not say \"" + std::string(words) + "\": " + text;
    if (failure.attempts().empty())
      return "the error names no attempts: " + text;
    return {};
  }
  return "the job succeeded";
}

void end_process(std::int64_t how) {
  switch (how) {
  case 0:
    ::_exit(0);
  case 1:
    ::_exit(42);
  case 2:
    ::raise(SIGKILL);
    break;
  default:
    std::abort();
  }
}

} // namespace

std::string run_throwing_task(sal::context& sc, const job_request& request, const job_places&) {
  const auto bad = small_seed(request) % records;
  const auto data = sc.range(0, records, 1, 5).map([bad](std::int64_t x) {
    linger(static_cast<std::uint64_t>(x));
    if (x == bad)
      throw std::runtime_error("this record cannot be understood");
    return x;
  });
  return check_error([&] { data.count(); }, sal::errc::task_failed, {"this record cannot be understood", "failing_tasks.cpp", "partition"});
}

/// A task that ends its process: the job fails with the task's name, and the context lives.
std::string run_fatal_task(sal::context& sc, const job_request& request, const job_places&) {
  const auto bad = small_seed(request) % records;
  const auto how = small_seed(request) / records % 4;
  const auto data = sc.range(0, records, 1, 5).map([bad, how](std::int64_t x) {
    linger(static_cast<std::uint64_t>(x));
    if (x == bad)
      end_process(how);
    return x;
  });
  auto problem = check_error([&] { data.count(); }, sal::errc::executor_lost, {"Task", "ended", "executors", "failing_tasks.cpp"});
  if (problem.empty() && sc.range(0, records, 1, 5).count() != records)
    problem = "the next job counted wrong";
  return problem;
}

} // namespace chaos
