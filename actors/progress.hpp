// What runs now, for a progress display and status queries. Written by the scheduler's actor, read by anybody.
#pragma once

#include <salamander/rdd/engine.hpp>
#include <salamander/rdd/launch_request.hpp>

#include <functional>
#include <map>
#include <mutex>

namespace salamander::actors {

/// One running stage attempt.
struct stage_progress {
  std::uint32_t stage = 0;
  std::uint32_t attempt = 0;
  std::string title;
  std::uint32_t done = 0;
  std::uint32_t active = 0; ///< with an executor, running or about to
  std::uint32_t total = 0;
  std::chrono::steady_clock::time_point started;
};

/// Threads: any. Limits: the last `reports_max` finished jobs are remembered.
class progress_board {
public:
  static constexpr std::size_t reports_max = 1000;

  void stage_started(stage_progress stage);
  void stage_ended(std::uint32_t stage);
  void tasks_changed(std::uint32_t stage, std::int32_t done, std::int32_t active);
  void job_started();
  void job_ended(job_report report);

  /// Running stages, oldest first.
  std::vector<stage_progress> stages() const;
  std::uint32_t running_jobs() const;
  /// Finished jobs, oldest first, from report number `from` on (see reports_made).
  std::vector<job_report> reports(std::uint64_t from) const;
  std::uint64_t reports_made() const;
  /// All counts since the start. Of stages that have ended the tasks that succeeded are counted.
  launch_progress totals() const;

  /// Called by job_ended, outside of the lock, with whether no job runs any more. Set it before the first job.
  std::function<void(const job_report&, bool last)> on_job_ended;

private:
  void end_stage(std::uint32_t stage);

  mutable std::mutex mutex_;
  std::map<std::uint32_t, stage_progress> stages_;
  std::vector<job_report> reports_; ///< a ring once it is full
  std::uint64_t reports_made_ = 0;
  std::uint32_t running_jobs_ = 0;
  std::uint64_t failed_jobs_ = 0;
  std::uint64_t tasks_of_ended_stages_ = 0;
};

/// The driver's view of its executors. Threads: any.
class executor_board {
public:
  void joined(executor_info executor);
  void reported(std::uint32_t executor, std::uint32_t running_tasks, std::uint64_t cached_bytes);
  void changed(std::uint32_t executor, bool alive, std::string state);
  /// All executors there ever were, by id. Limits: the last 1000 dead ones.
  std::vector<executor_info> all() const;

private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, executor_info> executors_;
};

} // namespace salamander::actors
