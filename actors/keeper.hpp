// A small process beside a driver that cleans up after it when the driver dies, however it dies.
//
// The driver's executors die with it by themselves (PR_SET_PDEATHSIG). What is left is what only another process can do: remove the
// application's directory, with its keys, and end executors that were stopped or not yet far enough to notice. The keeper is the same
// binary, entered through init(); it sleeps on its driver's process descriptor and on a socket until there is something to do.
#pragma once

#include <salamander/actors/child_process.hpp>

#include <filesystem>

namespace salamander::actors {

/// Names a keeper's orders in the environment of its process.
inline constexpr const char* keeper_variable = "SALAMANDER_KEEPER";

/// The driver's side. Threads: one at a time.
/// Faults: a keeper that dies is not replaced; then the directory of a killed driver stays until the next application of this user
/// starts, and executors still end.
class keeper {
public:
  /// Starts the process; `directory` need not exist yet. Errors: none; when the process cannot be started, the log says so.
  explicit keeper(const std::filesystem::path& directory);
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;
  ~keeper();

  /// The driver has cleaned up itself: the keeper ends without doing anything. Waits for that, at most for a second. Idempotent.
  void end() noexcept;
  /// 0 if it could not be started, or has ended.
  pid_t process() const noexcept {
    return child_.process;
  }

private:
  started_child child_;
};

/// The keeper's side: sleeps until the driver says it is done or is gone. In the latter case kills what is left of its executors,
/// removes the directory, and ends, at the latest after ten seconds.
[[noreturn]] void run_as_keeper(const std::string& orders);

/// Processes of this user that were started as executors of the application in this directory.
std::vector<pid_t> executors_of(const std::filesystem::path& directory);

} // namespace salamander::actors
