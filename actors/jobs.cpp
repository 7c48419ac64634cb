#include <salamander/actors/jobs.hpp>

#include <salamander/actors/log.hpp>

namespace salamander::actors {

job_record::job_record(std::uint32_t number, core::job_spec spec, canceller on_cancel, std::function<void(const job_report&)> on_end)
    : number_(number), spec_(std::move(spec)), title_(spec_.operation + " at " + spec_.site.text()), on_cancel_(std::move(on_cancel)),
      on_end_(std::move(on_end)), results_(spec_.partitions.size()) {
  report_.job = number_;
  report_.description = title_;
}

std::vector<core::block> job_record::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return done_; });
  if (failure_)
    std::rethrow_exception(failure_);
  return std::move(results_);
}

std::vector<core::block> job_record::results_so_far() const {
  const std::lock_guard lock(mutex_);
  return results_;
}

bool job_record::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, time, [&] { return done_; });
}

void job_record::cancel(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (done_)
      return;
  }
  on_cancel_(number_, reason);
}

job_report job_record::report() const {
  const std::lock_guard lock(mutex_);
  auto copy = report_;
  if (!ending_)
    copy.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  return copy;
}

void job_record::deliver(std::uint32_t index, core::block result) {
  const std::lock_guard lock(mutex_);
  if (!ending_ && index < results_.size())
    results_[index] = std::move(result);
}

void job_record::finish(job_report counts) {
  end(std::move(counts), true, nullptr);
}

void job_record::fail(job_report counts, error why) {
  end(std::move(counts), false, std::make_exception_ptr(std::move(why)));
}

void job_record::end(job_report counts, bool succeeded, std::exception_ptr why) {
  core::job_spec released;
  {
    const std::lock_guard lock(mutex_);
    if (ending_)
      return;
    ending_ = true;
    failure_ = std::move(why);
    if (!succeeded)
      results_.clear();
    counts.job = number_;
    counts.description = title_;
    counts.succeeded = succeeded;
    counts.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
    report_ = std::move(counts);
    // A handle that is kept for its report must not keep datasets alive.
    released.final = std::move(spec_.final);
    released.act = std::move(spec_.act);
  }
  try {
    if (on_end_)
      on_end_(report_);
  } catch (const std::exception& failure) {
    log(log_level::warn, "the end of job " + std::to_string(number_) + " was not counted: " + failure.what());
  }
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  ended_.notify_all();
}

} // namespace salamander::actors
