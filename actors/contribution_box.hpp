// What tasks have added to accumulators, on its way to the driver.
#pragma once

#include <salamander/actors/executor_runtime.hpp>

#include <atomic>
#include <mutex>

namespace salamander::actors {

/// What may be added and counted together, encoded: it travels in one message.
inline constexpr std::size_t contribution_bytes_max = 256U << 10;

/// As it travels: objects within the process, else bytes. Errors: errc::result_too_large; errc::not_serializable.
contributed_values to_values(core::contribution_list added, bool as_bytes);

/// Contributions of cached partitions, until the executor's actor takes them. Threads: any.
class contribution_box {
public:
  void put(cached_contribution one);
  std::vector<cached_contribution> take();

private:
  std::atomic<bool> filled_{false};
  std::mutex mutex_;
  std::vector<cached_contribution> waiting_;
};

} // namespace salamander::actors
