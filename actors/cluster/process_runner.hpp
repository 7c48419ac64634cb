// A worker's processes: started, read, killed and buried by one long-lived thread.
#pragma once

#include <salamander/actors/cluster/contained_process.hpp>
#include <salamander/actors/cluster/process_logs.hpp>
#include <salamander/scheduler/cluster/worker.hpp>

#include <functional>
#include <memory>

namespace salamander::actors {

struct run_order {
  scheduler::cluster::process_key process;
  contained_order what;
  std::filesystem::path logs; ///< directory for its stdout and stderr
};

struct run_end {
  scheduler::cluster::process_key process;
  bool started = false;
  std::int32_t exit_code = 0; ///< 128 + signal when a signal ended it
  std::string reason;         ///< "exited with code 3", "killed by signal 9 (Killed)", why it could not be started
};

/// Called by the runner's thread.
struct runner_events {
  std::function<void(const scheduler::cluster::process_key&, pid_t)> started;
  /// Dead and buried, with what it had printed and all of its process group; or not started.
  std::function<void(const run_end&)> ended;
  std::function<void(const std::string&)> trouble;
};

/// Threads: any. Faults: processes die with this one, however it goes; a process that closes its output, or whose children keep it open,
/// is buried all the same.
class process_runner {
public:
  process_runner(runner_events events, log_limits logs);
  process_runner(const process_runner&) = delete;
  process_runner& operator=(const process_runner&) = delete;
  /// Kills what runs.
  ~process_runner();

  void start(run_order order);
  /// Asks it to end (SIGTERM), and kills it and its process group after the grace. No effect if it does not run.
  void kill(const scheduler::cluster::process_key& process, std::chrono::milliseconds grace);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors
