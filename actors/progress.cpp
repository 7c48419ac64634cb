#include <salamander/actors/progress.hpp>

#include <algorithm>

namespace salamander::actors {
namespace {

std::uint32_t changed_by(std::uint32_t value, std::int32_t by) {
  const auto next = static_cast<std::int64_t>(value) + by;
  return next < 0 ? 0 : static_cast<std::uint32_t>(next);
}

} // namespace

void progress_board::stage_started(stage_progress stage) {
  const std::lock_guard lock(mutex_);
  end_stage(stage.stage); // an earlier attempt
  stages_.insert_or_assign(stage.stage, std::move(stage));
}

void progress_board::stage_ended(std::uint32_t stage) {
  const std::lock_guard lock(mutex_);
  end_stage(stage);
}

void progress_board::end_stage(std::uint32_t stage) {
  const auto at = stages_.find(stage);
  if (at == stages_.end())
    return;
  tasks_of_ended_stages_ += at->second.done;
  stages_.erase(at);
}

void progress_board::tasks_changed(std::uint32_t stage, std::int32_t done, std::int32_t active) {
  const std::lock_guard lock(mutex_);
  const auto at = stages_.find(stage);
  if (at == stages_.end())
    return;
  at->second.done = std::min(at->second.total, changed_by(at->second.done, done));
  at->second.active = changed_by(at->second.active, active);
}

void progress_board::job_started() {
  const std::lock_guard lock(mutex_);
  ++running_jobs_;
}

void progress_board::job_ended(job_report report) {
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    if (running_jobs_ > 0)
      --running_jobs_;
    last = running_jobs_ == 0;
    failed_jobs_ += report.succeeded ? 0 : 1;
    if (reports_.size() < reports_max)
      reports_.push_back(report);
    else
      reports_[reports_made_ % reports_max] = report;
    ++reports_made_;
  }
  if (on_job_ended)
    on_job_ended(report, last);
}

std::vector<stage_progress> progress_board::stages() const {
  const std::lock_guard lock(mutex_);
  std::vector<stage_progress> all;
  for (const auto& [id, stage] : stages_)
    all.push_back(stage);
  return all;
}

std::uint32_t progress_board::running_jobs() const {
  const std::lock_guard lock(mutex_);
  return running_jobs_;
}

std::vector<job_report> progress_board::reports(std::uint64_t from) const {
  const std::lock_guard lock(mutex_);
  std::vector<job_report> wanted;
  const auto oldest = reports_made_ - reports_.size();
  for (auto i = std::max(from, oldest); i < reports_made_; ++i)
    wanted.push_back(reports_[i % reports_max]);
  return wanted;
}

std::uint64_t progress_board::reports_made() const {
  const std::lock_guard lock(mutex_);
  return reports_made_;
}

launch_progress progress_board::totals() const {
  const std::lock_guard lock(mutex_);
  launch_progress all;
  all.jobs_active = running_jobs_;
  all.jobs_done = reports_made_;
  all.jobs_failed = failed_jobs_;
  all.stages_active = static_cast<std::uint32_t>(stages_.size());
  all.tasks_done = all.tasks_total = tasks_of_ended_stages_;
  for (const auto& [id, stage] : stages_) {
    all.tasks_active += stage.active;
    all.tasks_done += stage.done;
    all.tasks_total += stage.total;
  }
  return all;
}

void executor_board::joined(executor_info executor) {
  const std::lock_guard lock(mutex_);
  executors_.insert_or_assign(executor.id, std::move(executor));
  if (executors_.size() > 1000) {
    const auto dead = std::ranges::find_if(executors_, [](const auto& entry) { return !entry.second.alive; });
    if (dead != executors_.end())
      executors_.erase(dead);
  }
}

void executor_board::reported(std::uint32_t executor, std::uint32_t running_tasks, std::uint64_t cached_bytes) {
  const std::lock_guard lock(mutex_);
  if (const auto at = executors_.find(executor); at != executors_.end()) {
    at->second.running_tasks = running_tasks;
    at->second.cached_bytes = cached_bytes;
  }
}

void executor_board::changed(std::uint32_t executor, bool alive, std::string state) {
  const std::lock_guard lock(mutex_);
  const auto at = executors_.find(executor);
  if (at == executors_.end())
    return;
  at->second.alive = alive;
  at->second.state = std::move(state);
  if (!alive) {
    at->second.running_tasks = 0;
    at->second.cached_bytes = 0;
  }
}

std::vector<executor_info> executor_board::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<executor_info> copy;
  for (const auto& [id, executor] : executors_)
    copy.push_back(executor);
  return copy;
}

} // namespace salamander::actors
