// The file by which masters agree on who leads.
#pragma once

#include <salamander/actors/child_process.hpp>
#include <salamander/scheduler/cluster/leadership.hpp>

#include <filesystem>
#include <functional>

namespace salamander::actors {

/// Reads and writes are one step: under a lock of the file (open file description lock), which the system takes back from a process that
/// ends. A second lock is held by the process that leads, so that another one on the same machine knows that it is dead.
/// Threads: one at a time. Errors: errc::io_error.
class lease_file {
public:
  using record = scheduler::cluster::lease_record;
  using sight = scheduler::cluster::leadership::sight;

  /// `self`: the identifier of this master. `boot`: of this machine.
  lease_file(std::filesystem::path directory, std::string self, std::string boot);

  /// Calls `decide` with what is in the file, and writes what it returns. Returns whether it wrote, and all of it is on the disk.
  /// Errors: when the lock is not to be had within `patience`, or storage fails; it may have been written then.
  bool update(const std::function<std::optional<record>(const sight&)>& decide, std::chrono::milliseconds patience);

private:
  bool holder_is_gone(const record& last);

  const std::filesystem::path directory_;
  const std::filesystem::path path_;
  const std::string self_;
  const std::string boot_;
  descriptor file_;
  descriptor holder_; ///< of the other lock
  bool holds_ = false;
};

/// Another one each time the machine starts; empty: not known, and nobody is taken for dead.
std::string boot_identifier();

/// Text with a checksum; of what is no such text a record that nobody can take for free.
std::string lease_text(const scheduler::cluster::lease_record& what);
scheduler::cluster::lease_record parse_lease(const std::string& text);

} // namespace salamander::actors
