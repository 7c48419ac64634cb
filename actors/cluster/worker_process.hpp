// A worker of a standalone cluster, from start to end.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace salamander::actors {

struct worker_options {
  std::string masters;                      ///< "salamander://host:port[,host:port...]"
  std::string host;                         ///< where others reach this machine's executors; empty: the address used towards the master
  std::uint32_t cores = 0;                  ///< 0: all
  std::uint64_t memory_bytes = 0;           ///< 0: what there is, less 1 GiB; at least half of what there is
  std::filesystem::path work_directory;     ///< empty: "salamander-worker" in the current directory
  std::filesystem::path credentials;        ///< made by `salamander keygen`, or its folder "node"
  std::filesystem::path client_credentials; ///< for drivers that run here; empty: "client" beside the node's, if it is there
  std::filesystem::path ready_file;         ///< empty: none
  std::chrono::milliseconds grace{30000};   ///< of a decommission
  std::uint64_t log_part_bytes_max = 1U << 20;
  std::uint32_t log_parts_max = 5;
  std::chrono::seconds kept_for{7 * 24 * 3600};
  std::chrono::seconds clean_every{30 * 60};
  bool clean_after_exit = true;
};

/// Runs a worker until it is told to end: SIGTERM or SIGINT decommission it within the grace, a second one ends it at once. Ends the
/// process with exit code 0, or 1 when the masters refuse it. Looks for masters as long as none answers. Call it on the main thread, before others
/// exist: it blocks these signals.
/// Errors: errc::bad_master_url, errc::invalid_argument, errc::io_error (credentials, work directory) before anything is started.
int run_worker(const worker_options& options);

} // namespace salamander::actors
