// Telling a service manager, or whoever waits for a file, that a process is ready.
#pragma once

#include <filesystem>
#include <string>

namespace salamander::actors {

/// Says "READY=1" or another state to the service manager that started this process (sd_notify(3), NOTIFY_SOCKET). No effect without one.
void notify_service_manager(const std::string& state) noexcept;

/// Writes a file whose existence says that the process is ready; removed with the object. Empty path: nothing.
/// Threads: one at a time.
class ready_file {
public:
  explicit ready_file(std::filesystem::path path);
  ready_file(const ready_file&) = delete;
  ready_file& operator=(const ready_file&) = delete;
  ~ready_file();

  /// Complete at once for readers: written beside it and renamed. Errors: errc::io_error.
  void write(const std::string& text);

private:
  const std::filesystem::path path_;
};

} // namespace salamander::actors
