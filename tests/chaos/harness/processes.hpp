// Looks at processes through /proc, and signals them without ever hitting another one that took over a number.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace chaos {

struct process {
  pid_t id = 0;
  pid_t parent = 0;
  char state = '?';
  std::string name;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t started = 0; ///< with the id it identifies a process for ever
};

/// Running, and ready to run without a processor: the kernel counts both for each thread.
struct processor_time {
  std::chrono::nanoseconds ran{0};
  std::chrono::nanoseconds waited{0};
};

/// All living processes that descend from this one, whoever their parent is now: call adopt_orphans first. Zombies are included.
std::vector<process> descendants();
/// From now on a descendant whose parent dies becomes a child of this process. Errors: std::system_error.
void adopt_orphans();
/// Waits for adopted children that are dead; never for `except`, whose status somebody else wants.
void bury_orphans(pid_t except);

/// A variable of the environment that a process was started with; nothing if it has none or is gone.
std::optional<std::string> environment_of(pid_t process, const std::string& name);
/// Memory that it may write to and shares with nobody, touched or not; 0 if it is gone.
std::uint64_t data_bytes_of(pid_t process);
/// Open file descriptors; 0 if it is gone.
std::size_t descriptors_of(pid_t process);
/// The threads of a process; none if it is gone.
std::map<pid_t, processor_time> processor_times_of(pid_t process);
/// The port of 127.0.0.1 on which this process listens; 0: none yet.
std::uint16_t listening_port_of(pid_t process);

/// A process as it was when this was made.
class process_handle {
public:
  process_handle() = default;
  explicit process_handle(pid_t process);
  process_handle(process_handle&& other) noexcept;
  process_handle& operator=(process_handle&& other) noexcept;
  ~process_handle();

  pid_t id() const noexcept {
    return id_;
  }
  /// False if it is dead.
  bool send(int signal) const;
  /// Sets a soft limit (RLIMIT_...), at most the hard one. False if that failed.
  bool limit(int resource, std::uint64_t value) const;

private:
  pid_t id_ = 0;
  int descriptor_ = -1;
};

} // namespace chaos
