// What the simulated processes of one run share: time, links, disk, faults, and each other.
#pragma once

#include "block_exchange.hpp"
#include "checks.hpp"
#include "disk.hpp"
#include "messages.hpp"
#include "sabotage.hpp"
#include "trace.hpp"

#include <map>
#include <memory>
#include <set>

namespace salamander::sim {

class driver_model;
class executor_model;

/// Counted over a run, for the summary and for checks.
struct run_counts {
  std::uint64_t progress = 0; ///< anything that brings a job nearer to its end
  std::uint64_t tasks_launched = 0;
  std::uint64_t reports = 0;
  std::uint64_t fetch_failures = 0;
  std::uint64_t executors_lost = 0;
  std::uint64_t executors_started = 0;
  std::uint64_t jobs_succeeded = 0;
  std::uint64_t jobs_failed = 0;
  std::uint64_t pressures = 0;
};

/// Threads: use from one thread. Processes are destroyed between events only.
class world {
public:
  using process = event_queue::process;

  world(const scenario& plan, bool printing);
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world();

  const scenario& plan;
  const cluster_settings& settings;
  event_queue queue;
  trace log;
  network net;
  output_disk disk;
  sabotage faults;
  block_exchange blocks;
  run_counts counts;
  random_stream random;

  time_point now() const noexcept {
    return queue.now();
  }

  // Processes.

  /// The program starts: a driver with executors of its own.
  void start_driver();
  /// SIGKILL. Its executors notice; after a while the program is started again.
  void kill_driver(bool start_again);
  /// The program is done: its executors leave, or are killed.
  void stop_program();
  driver_model* driver() noexcept {
    return driver_.get();
  }
  /// A process for an executor. What becomes of it, its launcher learns by `driver_model::process_ended`.
  process start_executor(std::uint32_t slot, executor_id executor, std::uint64_t incarnation, process driver);
  /// The process ends: exit, signal, or the end of its driver.
  void end_executor(process which, const std::string& reason);
  executor_model* executor(process which);
  /// The executor of a slot of the present driver; null while there is none.
  executor_model* executor_in(std::uint32_t slot);
  const std::map<process, std::unique_ptr<executor_model>>& executors() const noexcept {
    return executors_;
  }

  /// Destroys what ended in the last event.
  void bury();

  // Messages.
  void send(process from, process to, control what);
  /// The connection between an executor and its driver ends: what is on the way is lost, and each end notices by itself. Whoever has not
  /// noticed speaks into the void.
  void reset_connection(process executor);
  /// Whether the driver knows of the executor's latest connection.
  bool driver_has_connection(process executor) const;

  // The faults of the plan (faults.cpp).
  void arm_faults();
  /// A fault that waited for somebody to come by has taken a process: it is no older than that.
  void struck() noexcept {
    healed_ = std::max(healed_, now());
  }
  /// When the last fault is over.
  time_point healed() const noexcept {
    return healed_;
  }
  /// A fault with a duration is at work, or processes are being replaced.
  bool disturbed() const noexcept {
    return now() < calm_from_;
  }
  time_point calm_since() const noexcept {
    return calm_from_;
  }
  /// Something happened whose consequences take so long to be noticed and dealt with.
  void disturb(duration time);
  std::array<std::uint64_t, static_cast<std::size_t>(fault_kind::count_)> injected{};

private:
  /// Connections of one executor to its driver are numbered.
  struct control_line {
    std::uint32_t connection = 0;
    std::uint32_t of_executor = 0; ///< the one that this end uses
    std::uint32_t of_driver = 0;
  };

  void inject(const planned_fault& fault);
  void on_executor(const planned_fault& fault);

  std::unique_ptr<driver_model> driver_;
  std::map<process, std::unique_ptr<executor_model>> executors_;
  std::vector<std::unique_ptr<driver_model>> dead_drivers_;
  std::vector<std::unique_ptr<executor_model>> dead_executors_;
  std::set<process> dead_drivers_seen_;
  std::map<process, control_line> lines_;                         ///< by executor; of those whose connection was ever reset
  std::map<process, std::vector<task_order>> orders_of_the_dead_; ///< by driver: what executors had been sent that are gone
  std::uint32_t generation_ = 0;
  time_point healed_ = beginning;
  time_point calm_from_ = beginning;
};

} // namespace salamander::sim
