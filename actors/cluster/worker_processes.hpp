// What the processes of applications and drivers need on a worker before they start, and what is left to do after they ended.
#pragma once

#include <salamander/actors/cluster/process_runner.hpp>
#include <salamander/actors/cluster/worker_files.hpp>

namespace salamander::actors {

struct worker_surroundings {
  std::string host;                                             ///< where others reach executors
  std::string masters;                                          ///< URL, for drivers
  std::filesystem::path client_credentials;                     ///< for drivers; empty: this worker runs none
  std::vector<std::pair<std::string, std::string>> environment; ///< of the worker's process, without secrets
  bool clean_after_exit = true;                                 ///< salamander.storage.cleanupFilesAfterExecutorExit
};

/// Of this process, without what could be a secret (passwords, tokens, keys, credentials) and what is meant for this process only.
std::vector<std::pair<std::string, std::string>> environment_without_secrets();

/// Threads: one at a time. Errors: of worker_files; errc::corrupt_data when the launch cannot be understood.
class worker_processes {
public:
  worker_processes(worker_files& files, worker_surroundings around) : files_(files), around_(std::move(around)) {}

  /// Writes what the process needs. Its program and files are in the store.
  run_order prepare(const scheduler::cluster::worker_machine::start_process& what);
  /// Fills in what an end means, and removes what the process does not need any more.
  scheduler::cluster::worker_machine::process_ended finish(const run_end& end);

private:
  run_order executor(const scheduler::cluster::worker_machine::start_process& what);
  run_order driver(const scheduler::cluster::worker_machine::start_process& what);

  worker_files& files_;
  const worker_surroundings around_;
};

} // namespace salamander::actors
