// The application under test as faults and checks see it: its processes, its directories, the lines between them.
#pragma once

#include "harness/program.hpp"
#include "proxy/byte_proxy.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace chaos {

/// The shape of one run of the application.
struct cluster_shape {
  std::uint32_t executors = 2;
  std::uint32_t cores = 1;
  std::uint64_t memory_mib = 256;
};

struct executor_process {
  std::uint32_t number = 0;
  process facts;
};

/// Why the driver's process may end.
enum class driver_end : std::uint8_t { none, asked, killed };

struct scene {
  std::filesystem::path local;  ///< the application makes its directory in here
  std::filesystem::path output; ///< of jobs
  std::filesystem::path blocks; ///< the proxies' sockets
  bool isolated = false;        ///< see isolate()
  byte_proxy* proxy = nullptr;
  std::unique_ptr<program> driver; ///< null while none runs
  driver_end expected_end = driver_end::none;
  bool keeper_killed = false; ///< nobody cleans up after a driver that is killed
  cluster_shape shape;

  /// The application's own directory; empty while there is none.
  std::filesystem::path application_directory() const;
  /// All directories of applications, also those left behind.
  std::vector<std::filesystem::path> application_directories() const;
  /// Living executor processes, stopped ones too, by number.
  std::vector<executor_process> executors() const;
  /// Living processes that wait for the driver's end to clean up.
  std::vector<process> keepers() const;
};

/// The number of the executor that a process is; nothing if it is none.
std::optional<std::uint32_t> executor_number(pid_t process);

} // namespace chaos
