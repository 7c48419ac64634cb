// Asks the masters of a cluster from outside: submissions, states, ends, logs.
#pragma once

#include <salamander/actors/cluster/messages.hpp>
#include <salamander/actors/cluster/program_file.hpp>
#include <salamander/actors/net/addresses.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

namespace salamander::actors {

/// Each call blocks until the leading master has answered; while there is none, or the connection breaks, it asks again.
/// Errors of each: errc::no_executors when nobody who leads has answered in time, with what was found; errc::io_error, at once, when the
/// masters have other credentials; errc::invalid_argument when the master refuses. Threads: one at a time.
class submitter {
public:
  /// `on_trouble` is called by a thread of this object's, after 3 s and then once a minute, with why no master can be reached.
  /// Errors: errc::io_error when the credentials cannot be used.
  submitter(const std::filesystem::path& credentials_directory, std::vector<net::address> masters,
            std::chrono::milliseconds answer_max = std::chrono::seconds(30), std::function<void(const std::string&)> on_trouble = {});
  submitter(const submitter&) = delete;
  submitter& operator=(const submitter&) = delete;
  ~submitter();

  /// How long the calls from now on ask before they give up.
  void answer_within(std::chrono::milliseconds time) noexcept;

  /// Of everything, or of one driver ("driver-...") or application ("app-...") and what belongs to it.
  cluster::cluster_summary status(const std::string& id = {});
  /// Ends a driver or an application. Returns what the master says. Errors: also errc::invalid_argument for an id that is not there.
  std::string kill(const std::string& id, const std::string& reason);
  /// Sends the program and files that the cluster lacks, and returns the driver's id. Twice for the same token: the same driver.
  /// Requires: what.program and what.files describe `files`.
  std::string submit(const std::string& token, const cluster::driver_description& what, const std::vector<program_file>& files);
  /// A part of a log. Errors: also errc::input_not_found with the worker's reason.
  log_read read(read_log what);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors
