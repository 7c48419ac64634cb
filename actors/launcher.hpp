// Child processes: started, watched and buried by one long-lived thread.
#pragma once

#include <salamander/actors/child_process.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace salamander::actors {

/// What to start. The child gets standard output and error of this process, /dev/null as input, and descriptor 3: one end of a
/// socket pair on which neither side ever writes; its end tells the child that this process is gone, however it went.
struct process_order {
  std::uint32_t executor = 0;
  std::string program;
  std::vector<std::string> arguments;   ///< argv, program name included
  std::vector<std::string> environment; ///< "NAME=value"
};

/// Threads: any. Faults: children that outlive the object's stop are killed by it; children of a killed driver see descriptor 3 end.
class launcher {
public:
  /// `on_ended(executor, reason)` is called by the launcher's thread once for each process that was ordered: after it is dead and
  /// buried, or could not be started.
  explicit launcher(std::function<void(std::uint32_t, const std::string&)> on_ended);
  launcher(const launcher&) = delete;
  launcher& operator=(const launcher&) = delete;
  ~launcher();

  void start(process_order order);
  /// Kills a process that does not end by itself within `grace`. `reason` replaces "killed by signal 9" then.
  void kill(std::uint32_t executor, std::string reason, std::chrono::milliseconds grace);
  /// Sends a signal (0: none) to a process, now; returns the process, 0 if it is not running.
  std::int64_t signal(std::uint32_t executor, int number);
  /// Gives all processes `grace` to end, then kills the rest; returns when all are buried. Nothing can be started afterwards.
  void stop(std::chrono::milliseconds grace);
  /// 0 if it is not running.
  std::int64_t process_of(std::uint32_t executor) const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// "killed by signal 9 (Killed)", "exited with code 42"
std::string describe_exit(int wait_status);

} // namespace salamander::actors
