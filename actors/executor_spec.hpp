// What an executor's process has to know before it can speak: a file that only its user can read.
#pragma once

#include <salamander/rdd/task_context.hpp>
#include <salamander/scheduler/channel.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace salamander::actors {

/// Names the spec file in the environment of an executor's process.
inline constexpr const char* spec_variable = "SALAMANDER_EXECUTOR_SPEC";

struct executor_spec {
  std::uint32_t protocol = 0;
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::int64_t driver_process = 0;
  std::string directory;      ///< of the application: sockets, certificates, positions
  std::string peer_directory; ///< where the sockets of others are looked for; empty: the same
  std::string driver_host;
  std::uint32_t driver_port = 0;
  std::uint32_t driver_blocks_port = 0; ///< at the same host; 0: a socket in `directory`
  std::string host;                     ///< numeric address at which blocks are served to other machines; empty: not at all
  std::uint32_t cores = 1;
  std::uint64_t memory_bytes = 0;
  std::uint64_t fetch_bytes_in_flight_max = 0;
  std::uint32_t fetch_attempts_max = 3;
  std::uint64_t fetch_retry_wait_ms = 100;
  std::uint64_t heartbeat_interval_ms = 1000;
  std::uint64_t dead_timeout_ms = 5000;
  std::uint64_t register_timeout_ms = 30000;
  std::uint64_t task_timeout_ms = 0;
  std::uint64_t task_kill_grace_ms = 5000;
  std::uint64_t task_progress_warning_ms = 0;
  std::string log_level;

  std::filesystem::path positions_file() const;
  /// Of the line between the driver and this executor; the same at both ends.
  scheduler::channel_limits line_limits() const;
};

/// As bytes that decode_spec reads; the same as a spec file holds.
std::string encode_spec(const executor_spec& spec);
/// `source` is for errors. Errors: errc::corrupt_data, errc::build_mismatch for another protocol version.
executor_spec decode_spec(const std::string& bytes, const std::string& source);

/// Writes a file of mode 0600 that did not exist before; returns its path. Errors: errc::io_error.
std::filesystem::path write_spec(const executor_spec& spec);
/// Errors: errc::io_error, errc::corrupt_data, errc::build_mismatch for another protocol version.
executor_spec read_spec(const std::filesystem::path& path);

/// One core::task_position for each core of an executor, in a file that its process and its driver share.
class position_table {
public:
  /// Creates the file (driver) or opens the existing one (executor). Errors: errc::io_error.
  static position_table create(const std::filesystem::path& path, std::uint32_t cores);
  static position_table open(const std::filesystem::path& path, std::uint32_t cores);
  position_table(position_table&& other) noexcept;
  position_table& operator=(position_table&& other) noexcept;
  ~position_table();

  core::task_position* data() noexcept {
    return slots_;
  }
  /// No task is anywhere any more.
  void clear() noexcept {
    for (std::uint32_t i = 0; i < cores_; ++i)
      slots_[i].task.store(0);
  }
  const core::task_position* begin() const noexcept {
    return slots_;
  }
  const core::task_position* end() const noexcept {
    return slots_ + cores_;
  }

private:
  position_table(core::task_position* slots, std::uint32_t cores) noexcept : slots_(slots), cores_(cores) {}

  core::task_position* slots_ = nullptr;
  std::uint32_t cores_ = 0;
};

} // namespace salamander::actors
