// What a launcher asks of the machinery that starts applications. The door between the public launcher and everything above it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace salamander {

/// Where the driver of a launched application runs.
enum class deploy_mode : std::uint8_t {
  client,  ///< as a child process of the program that launches it, on the same machine
  cluster, ///< on a worker of the cluster
};

/// How far a launched application has come.
enum class launch_state : std::uint8_t {
  submitted, ///< the cluster has it and has not started it yet
  waiting,   ///< its driver runs, and has no executors yet
  running,   ///< its context stands
  finished,  ///< exit code 0
  failed,    ///< another exit code, a signal, or it could not be started
  killed,    ///< on request
  lost,      ///< the handle was disconnected, or the cluster is silent or does not know it any more: how it ends will not be known here
};

/// "RUNNING"
const char* to_string(launch_state state) noexcept;
/// Nothing follows finished, failed, killed and lost.
bool is_final(launch_state state) noexcept;

/// Counts of the application's newest context. Tasks of stages that have not begun are not known yet.
struct launch_progress {
  std::uint32_t jobs_active = 0;
  std::uint64_t jobs_done = 0;
  std::uint64_t jobs_failed = 0; ///< of the jobs done
  std::uint32_t stages_active = 0;
  std::uint32_t tasks_active = 0;
  std::uint64_t tasks_done = 0;
  std::uint64_t tasks_total = 0;
  std::uint32_t cores = 0; ///< of its executors now
  bool operator==(const launch_progress&) const = default;
};

/// Where what an application prints goes.
struct launch_output {
  enum class kind : std::uint8_t {
    captured,  ///< its last bytes are kept for the handle
    inherited, ///< to the launching program's own
    file,      ///< added to a file
  };
  kind how = kind::captured;
  std::string path;                ///< file only
  std::size_t bytes_max = 1 << 20; ///< captured only

  static launch_output captured(std::size_t bytes_max = 1 << 20) {
    return {kind::captured, {}, bytes_max};
  }
  static launch_output inherited() {
    return {kind::inherited, {}, 0};
  }
  static launch_output file(std::string path) {
    return {kind::file, std::move(path), 0};
  }
};

namespace core {

struct launch_request {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> files;
  std::string name;
  deploy_mode mode = deploy_mode::client;
  bool supervise = false;
  std::uint32_t driver_cores = 1;
  std::uint64_t driver_memory_bytes = 1ULL << 30;
  std::string working_directory; ///< empty: the launching program's
  launch_output output;
  launch_output errors;
  std::chrono::milliseconds answer_max{30000};
};

/// A launched application. Threads: any. The last reference that goes disconnects.
class launched {
public:
  using listener = std::function<void(launch_state, const launch_progress&)>;

  virtual ~launched() = default;
  virtual launch_state state() const = 0;
  virtual std::string application_id() const = 0;
  virtual std::string driver_id() const = 0;
  virtual std::string reason() const = 0;
  virtual launch_progress progress() const = 0;
  virtual std::optional<int> exit_code() const = 0;
  virtual std::string output() = 0;
  virtual std::string errors() = 0;
  virtual launch_state wait() const = 0;
  virtual bool wait_for(std::chrono::milliseconds time) const = 0;
  virtual void cancel(std::chrono::milliseconds grace) = 0;
  virtual void kill() = 0;
  virtual void disconnect() = 0;
  virtual void on_change(listener call) = 0;
};

/// Starts it. Defined by the layer above. Errors: as launcher::start.
std::shared_ptr<launched> start_launch(const launch_request& what);

} // namespace core
} // namespace salamander
