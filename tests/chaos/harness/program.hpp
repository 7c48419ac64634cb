// The driver program as a child process: its input, its output by lines, and what it and its executors say on standard error.
#pragma once

#include "harness/processes.hpp"
#include "verdict.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chaos {

class program {
public:
  /// Starts it. `errors` gets its standard error. Errors: std::system_error.
  program(const std::filesystem::path& binary, const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
          const std::filesystem::path& errors);
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  /// Kills it if it still runs, and waits for it.
  ~program();

  pid_t id() const noexcept {
    return handle_.id();
  }
  const process_handle& handle() const noexcept {
    return handle_;
  }
  void ask(const job_request& request);
  /// The end of its input: it finishes its job, stops its context and ends.
  void finish();
  /// What it said since the last call. Lines that are none of its own are in `strange`.
  std::vector<program_event> events(std::vector<std::string>& strange);
  /// New whole lines of standard error.
  std::vector<std::string> error_lines();
  /// How it ended, as of waitpid; nothing while it runs.
  std::optional<int> ended();

private:
  process_handle handle_;
  int input_ = -1;
  int output_ = -1;
  std::string unread_output_;
  int errors_ = -1;
  std::string unread_errors_;
  std::optional<int> status_;
};

/// "exit code 3", "signal 9"
std::string describe_status(int status);

} // namespace chaos
