// What tasks have added to accumulators, on its way to the driver.
#pragma once

#include <salamander/actors/executor_runtime.hpp>

#include <atomic>
#include <mutex>

namespace salamander::actors {

/// What one task may add, encoded: it travels in the task's report.
inline constexpr std::size_t contribution_bytes_max = 256U << 10;

/// As it travels: objects within the process, else bytes. Errors: errc::result_too_large; errc::not_serializable.
contribution_unit make_unit(core::contribution_list added, bool as_bytes);

/// Contributions of cached partitions, for the next report of whichever task. Threads: any.
class contribution_box {
public:
  void put(contribution_unit unit);
  std::vector<contribution_unit> take();

private:
  std::atomic<bool> filled_{false};
  std::mutex mutex_;
  std::vector<contribution_unit> units_;
};

} // namespace salamander::actors
