// An application that is to be started from outside, on this machine or on a cluster.
#pragma once

#include <salamander/actors/cluster/program_file.hpp>

#include <string>
#include <utility>
#include <vector>

namespace salamander::actors {

struct submission {
  std::string program;                                       ///< path
  std::vector<std::string> arguments;                        ///< without the program's name
  std::vector<std::pair<std::string, std::string>> settings; ///< salamander.* and the user's own; the master is one of them
  std::vector<std::string> files;                            ///< paths; put beside the driver and each executor
  std::string name;                                          ///< empty: the program's file name
  std::uint32_t driver_cores = 1;
  std::uint64_t driver_memory_bytes = 1ULL << 30;
  bool supervise = false;
  std::vector<std::string> environment; ///< "NAME=value", beside the worker's own; of a driver on the cluster only
};

/// Which cluster, and by what credentials.
struct cluster_access {
  std::string masters; ///< URL
  std::string credentials;
};

/// Of what is said here, in the environment and in the defaults file. Errors: errc::bad_master_url when that is no cluster,
/// errc::bad_config_value without credentials.
cluster_access cluster_of(const std::vector<std::pair<std::string, std::string>>& settings);

/// Whom this process belongs to.
std::string user_name();

/// Errors: errc::input_not_found and errc::invalid_argument saying what is wrong with the program, a file or a setting.
void check(const submission& what);

/// For a driver on the cluster; `files` gets the program and the files. Errors: as `check`.
cluster::driver_description describe(const submission& what, std::vector<program_file>& files);

/// What the environment of a driver on this machine needs beside its parent's: SALAMANDER_CONF.
std::string settings_lines(const submission& what);

} // namespace salamander::actors
