// One run: applications are started, disturbed, and have to recover, episode after episode.
#pragma once

#include "harness/application.hpp"
#include "harness/blame.hpp"
#include "harness/log_tail.hpp"
#include "harness/options.hpp"
#include "harness/processor_share.hpp"
#include "harness/schedule.hpp"
#include "harness/summary.hpp"
#include "harness/target.hpp"
#include "harness/timeline.hpp"

#include <atomic>
#include <set>
#include <stdexcept>

namespace chaos {

/// An invariant does not hold.
struct broken_promise : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Threads: one.
class session {
public:
  session(const chaos_options& options, std::uint64_t seed, const run_places& places, bool isolated, timeline& log);
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session();

  /// Errors: broken_promise, after which only abandon may be called.
  void run_episode(std::uint32_t number);
  /// The application is asked to end and must leave nothing behind. Errors: broken_promise.
  void end_application();
  /// Writes where the threads of all processes are, as far as that can be found out.
  void write_all_stacks() const;
  /// Kills whatever is left, and cleans up after it.
  void abandon();

  /// Where the last episode began.
  const run_point& episode_begin() const noexcept {
    return episode_begin_;
  }
  const run_summary& summary() const noexcept {
    return summary_;
  }
  void add_bug(std::string text);
  byte_proxy::totals line_counts() const;
  const log_tail& messages() const noexcept {
    return messages_;
  }

private:
  using clock = std::chrono::steady_clock;

  struct running_job {
    job_request request;
    clock::time_point asked;
    bool after_faults = false;
  };

  void start_application();
  void storm(const episode& plan);
  void inject(const planned_fault& fault);
  void lift(const planned_fault& fault);
  void heal();
  void recover();
  void wait_for_right_jobs(std::uint32_t count);
  void check_rest();
  void end_of_driver();
  void wait_until_all_is_gone();
  void check_output_left_behind();

  /// Waits a moment and takes in all that happened meanwhile. True now and then, when it had a look at all processes too.
  bool turn();
  void look_around();
  void hear(const program_ready& event);
  void hear(const program_unready& event);
  void hear(const job_begun& event);
  void hear(const program_stopped& event);
  void hear(const verdict& result);
  void judge_failure(const verdict& result);
  void read_errors();
  /// True, and counted, for an alarming line that a fault at work explains.
  bool explained(const std::string& line);
  void keep_busy(bool during_faults);
  std::vector<std::string> problems();
  target& owner_of(const planned_fault& fault);
  /// False when `since` is longer ago than `limit`, in the application's own time: that slows down when it does not get the processor.
  bool patient(std::chrono::duration<double> since, std::chrono::seconds limit) const;

  chaos_options options_;
  std::uint64_t seed_;
  run_places places_;
  timeline& log_;
  byte_proxy proxy_;
  std::uint16_t control_port_ = 0;
  std::shared_ptr<std::atomic<pid_t>> driver_process_ = std::make_shared<std::atomic<pid_t>>(0);
  std::vector<std::unique_ptr<target>> targets_;
  std::vector<fault_kind> kinds_;
  scene scene_;
  blame blame_;
  log_tail messages_;
  run_summary summary_;

  std::uint32_t generation_; ///< number of the application
  std::uint32_t next_job_;
  run_point episode_begin_;
  std::optional<running_job> job_;
  std::uint32_t right_since_heal_ = 0;
  bool ready_ = false;
  bool stopped_ = false; ///< the driver said that its context is down
  clock::time_point looked_{};
  milliseconds last_turn_{0};
  std::chrono::duration<double> patience_{0}; ///< the time of `patient`
  processor_share processor_;
  double share_ = 1;
  std::set<std::uint32_t> executors_seen_; ///< of this application
};

} // namespace chaos
