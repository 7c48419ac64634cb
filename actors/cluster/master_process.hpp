// The process of a master.
#pragma once

#include <salamander/actors/net/addresses.hpp>
#include <salamander/scheduler/cluster/master.hpp>

#include <filesystem>

namespace salamander::actors {

struct master_options {
  net::address here{"127.0.0.1", 7077}; ///< port 0: any
  std::filesystem::path credentials;    ///< of a node
  /// Journal, stored files and the lease; shared by all masters of a cluster. Empty: a master that starts again knows only what workers
  /// and drivers tell it, and nobody can stand by.
  std::filesystem::path recovery;
  std::filesystem::path ready_file;
  std::uint64_t file_bytes_max = 20ULL << 30;
  scheduler::cluster::master_settings settings;
};

/// Runs until SIGTERM or SIGINT; returns the exit code. Call it from main, before there are other threads. Errors, before it serves
/// anybody: errc::io_error and errc::invalid_argument with advice (port in use, directory not private or not writable, credentials that
/// are missing or that others can read).
int run_master(const master_options& options);

} // namespace salamander::actors
