// How processes of an application are started on a worker: what its driver or submitter says, which masters carry and never read.
#pragma once

#include <salamander/scheduler/cluster/protocol.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace salamander::actors {

/// For each executor of an application. It holds the application's private key: never written to a journal or a log.
struct executor_launch {
  std::vector<std::string> arguments;   ///< argv of the driver, program name included
  std::vector<std::string> environment; ///< "NAME=value", added to the worker's own
  std::string orders;                   ///< bytes of an executor spec as the driver wrote it; the worker does not look into it
  std::string authority;                ///< certificate of the application, PEM
  std::string certificate;              ///< of its executors
  std::string key;
};

/// For a driver that runs on the cluster.
struct driver_launch {
  std::vector<std::string> arguments; ///< argv without the program's name
  std::vector<std::string> environment;
  std::vector<std::pair<std::string, std::string>> settings; ///< --conf and flags; put into a defaults file of its own
};

/// Errors of both: errc::corrupt_data.
std::string encode_launch(const executor_launch& what);
std::string encode_launch(const driver_launch& what);
executor_launch decode_executor_launch(const std::string& bytes);
driver_launch decode_driver_launch(const std::string& bytes);

/// What a worker adds to an executor's orders when it starts the process: a text file of "name=value" lines, named by this variable
/// of the environment. All of: `orders` (the file), `application`, `executor`, `incarnation`, `cores`, `memory`, `directory` (0700; of
/// this application on this worker: sockets and credentials are there), `work` (of this executor: logs and scratch files), `host` (the
/// address that others reach it at) and `parent` (process id of the worker).
inline constexpr const char* placement_variable = "SALAMANDER_EXECUTOR_PLACEMENT";

struct executor_placement {
  std::string orders;
  std::string application;
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  std::string directory;
  std::string work;
  std::string host;
  std::int64_t parent = 0;
};

std::string placement_text(const executor_placement& where);
/// Errors: errc::corrupt_data naming what is missing.
executor_placement parse_placement(const std::string& text);

} // namespace salamander::actors
