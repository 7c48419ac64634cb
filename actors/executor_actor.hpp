// The actor around executor_runtime: the same in local mode and in an executor's own process.
#pragma once

#include <salamander/actors/interfaces.hpp>
#include <salamander/scheduler/executor_session.hpp>

#include <atomic>
#include <condition_variable>
#include <optional>

namespace salamander::actors {

/// What an executor's process knows about its driver. Threads: any.
class driver_contact {
public:
  using clock = std::chrono::steady_clock;

  /// Something came from the driver.
  void seen() noexcept {
    last_.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  }
  clock::time_point last_seen() const noexcept {
    return clock::time_point(clock::duration(last_.load(std::memory_order_relaxed)));
  }

  /// The process shall end. The first call counts.
  void end(int exit_code, std::string text);
  /// The connection to the driver broke: whoever waits shall make another one.
  void lose_connection();

  struct ending {
    int exit_code = 0;
    std::string text;
  };
  /// Blocks until the process shall end, or (nothing) until the connection has been lost since the last call.
  std::optional<ending> wait();
  /// True as soon as the process shall end, false if it still shall not after `time`.
  bool ends_within(std::chrono::milliseconds time);

private:
  std::atomic<clock::rep> last_{clock::now().time_since_epoch().count()};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<ending> ending_;
  bool lost_ = false;
};

/// Exit codes of executor processes that end by themselves; the supervisor knows their meaning.
inline constexpr int exit_driver_gone = 81;
inline constexpr int exit_refused = 82;
inline constexpr int exit_no_connection = 83;
inline constexpr int exit_bad_spec = 84;
inline constexpr int exit_task_stuck = 85;

using executor_line = scheduler::driver_session<order_pointer, report_pointer>;

struct executor_setup {
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::uint32_t cores = 1;
  executor_inbox reports_to;               ///< local mode: the scheduler
  driver_door driver;                      ///< where to register; empty in local mode
  std::shared_ptr<driver_contact> contact; ///< null in local mode; who waits there tells the actor of another connection: driver_found
  std::chrono::milliseconds heartbeat_interval{1000};
  executor_line::limits limits = {}; ///< of the session with the driver
};

/// `make_runtime` builds the runtime with the given callback for waiting reports.
using runtime_factory = std::function<std::shared_ptr<executor_runtime>(std::function<void()>)>;

/// Spawns the actor; returns the runtime it drives as well.
std::pair<executor_actor, std::shared_ptr<executor_runtime>> spawn_executor(caf::actor_system& system, const executor_setup& setup,
                                                                            const runtime_factory& make_runtime);

} // namespace salamander::actors
