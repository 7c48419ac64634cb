// A submitted job as its waiting user and the scheduler's actor share it.
#pragma once

#include <salamander/rdd/engine.hpp>

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>

namespace salamander::actors {

/// Threads: the core::job_handle members may be called from any thread; the rest belongs to the scheduler's actor.
class job_record final : public core::job_handle {
public:
  using canceller = std::function<void(std::uint32_t job, const std::string& reason)>;

  /// `on_end`, which may be empty, is called once, with no lock held, before anybody who waits for the job goes on. It must not wait for
  /// the job; what it throws is logged.
  job_record(std::uint32_t number, core::job_spec spec, canceller on_cancel, std::function<void(const job_report&)> on_end);

  std::vector<core::block> wait() override;
  std::vector<core::block> results_so_far() const override;
  bool wait_for(std::chrono::milliseconds time) override;
  void cancel(const std::string& reason) override;
  job_report report() const override;

  std::uint32_t number() const noexcept {
    return number_;
  }
  /// "count at a.cpp:9"
  const std::string& title() const noexcept {
    return title_;
  }
  /// Null once the job has ended.
  const core::node_ptr& final() const noexcept {
    return spec_.final;
  }
  const core::job_spec& spec() const noexcept {
    return spec_;
  }

  void deliver(std::uint32_t index, core::block result);
  /// The first of these two ends the job; later calls have no effect. `counts` is completed with the job's own facts.
  void finish(job_report counts);
  void fail(job_report counts, error why);

private:
  void end(job_report counts, bool succeeded, std::exception_ptr why);

  const std::uint32_t number_;
  core::job_spec spec_;
  const std::string title_;
  const canceller on_cancel_;
  const std::function<void(const job_report&)> on_end_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false; ///< everything below is final, but for `done_`
  bool done_ = false;
  std::vector<core::block> results_;
  std::exception_ptr failure_;
  job_report report_;
};

} // namespace salamander::actors
