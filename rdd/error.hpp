// The one exception type that leaves the library, and its codes.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace salamander {

/// Why an operation failed. Every code has a text and a retry class (error.cpp) and a test that produces it.
enum class errc : std::uint8_t {
  invalid_argument,   ///< a parameter outside its documented range
  empty_collection,   ///< reduce, first, min, max of a dataset without records
  closure_refused,    ///< a function that cannot travel: it holds a pointer into this process
  unknown_config_key, ///< a salamander.* key that does not exist
  bad_config_value,   ///< a value that does not parse or is out of range
  bad_master_url,     ///< the master is none of the documented forms
  not_initialised,    ///< salamander::init was not the first line of main
  nested_use,         ///< an rdd or a context used inside a function that runs in a task
  context_stopped,    ///< the context was stopped before or during the call
  input_not_found,    ///< a path or pattern that matches nothing
  output_exists,      ///< the output directory is already there
  io_error,           ///< the operating system refused to read or write
  corrupt_data,       ///< a checksum, a length or a compressed stream is wrong
  task_failed,        ///< a user function threw
  task_timeout,       ///< a task ran longer than salamander.task.timeout
  executor_lost,      ///< an executor process ended or went silent
  fetch_failed,       ///< a shuffle block could not be had
  stage_aborted,      ///< a stage failed as often as it may
  job_cancelled,      ///< somebody cancelled the job
  out_of_memory,      ///< a block or group does not fit the memory budget
  out_of_disk,        ///< a file system has no room for what is written to it
  result_too_large,   ///< results exceed salamander.driver.maxResultSize
  wrong_type,         ///< a file holds records of another type than it is read as
  malformed_row,      ///< a row of a CSV or JSON file is not what it is read as
  not_serializable,   ///< a record could not be turned into bytes or back
  code_refused,       ///< a plan names code that this binary does not have
  build_mismatch,     ///< an executor runs another build of the program
  no_executors,       ///< no executor could be started
  destroyed,          ///< a broadcast value used after it was destroyed
  internal,           ///< a defect of the library
  count_
};

/// What a supervisor does about a code.
enum class retry_class : std::uint8_t {
  never,    ///< the same call fails again
  task,     ///< another attempt of the task may succeed
  stage,    ///< parents have to be recomputed first
  resource, ///< may succeed with more memory, disk or executors
};

std::string_view to_string(errc code) noexcept;
retry_class retry_class_of(errc code) noexcept;

/// One failed attempt of a task, as the driver saw it.
struct attempt_failure {
  std::uint32_t stage = 0;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  std::string executor;
  std::string reason;
};

/// Everything the library throws. `what()` says what failed, where, and what to do about it.
/// Threads: immutable after construction.
class error : public std::runtime_error {
public:
  error(errc code, const std::string& text);
  error(errc code, const std::string& text, std::vector<attempt_failure> attempts);

  errc code() const noexcept {
    return code_;
  }

  /// The attempts that led here, first cause first; empty for errors that no task caused.
  const std::vector<attempt_failure>& attempts() const noexcept {
    return attempts_;
  }

private:
  errc code_;
  std::vector<attempt_failure> attempts_;
};

namespace core {

/// An error whose text begins with its place already: operation, call site, partition. Nobody puts another one in front of it.
class placed_error final : public error {
public:
  using error::error;
};

[[noreturn]] void throw_error(errc code, const std::string& text);

} // namespace core

} // namespace salamander
