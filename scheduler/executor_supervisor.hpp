// What is to be done so that a fixed number of executors run: start, admit, kill, bury, replace, give up. Pure: events in, actions
// out; the caller brings the time and the random numbers.
//
// One slot for each executor that should run. A slot's life, again and again:
//
//   slot_due -> start_process -> executor_registered -> admit -> (works) -> link_lost -> kill_process -> process_ended -> bury
//            \                                                          \______________________________/^    |
//             \_ never registers: kill_process ______________________________________________________/^     v
//                                                          start_later: at once, or when the restart intensity allows; or given up
#pragma once

#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/restart_policy.hpp>

#include <string>
#include <variant>
#include <vector>

namespace salamander::scheduler {

/// Limits: as many slots as asked for; restart intensity and failed starts per slot as in restart_policy.
/// Faults: processes that end, hang, register late, twice or never; processes that cannot be started; registrations of strangers, of
/// other builds and of executors that were given up. An executor number is never used twice, and no slot ever has two executors that
/// are not buried. Threads: use from one thread.
class executor_supervisor {
public:
  struct limits {
    std::uint32_t slots = 1;
    std::uint32_t protocol = 0;
    duration register_timeout = std::chrono::seconds(30);
    /// A process whose connection ended gets this long to end by itself, so that its own exit code or signal is reported.
    duration natural_end_grace = std::chrono::milliseconds(300);
    restart_policy::limits restarts;
  };

  // -- events
  /// The slot's first start, or the time that start_later asked for has come. The incarnation is a random number.
  struct slot_due {
    std::uint32_t slot = 0;
    std::uint64_t incarnation = 0;
  };
  struct executor_registered {
    executor_id executor;
    std::uint64_t incarnation = 0;
    std::int64_t process = 0;
    std::uint32_t protocol = 0;
    std::uint32_t cores = 0;
    std::string mismatch; ///< text on how its build differs from the driver's; empty: it does not
  };
  /// Its session ended.
  struct link_lost {
    executor_id executor;
    std::string reason;
    bool connection_ended = false; ///< the process is probably ending by itself
  };
  /// Dead and buried by the system, or could not be started.
  struct process_ended {
    executor_id executor;
    std::string reason;
  };
  struct tick {}; ///< when wake_at says, or any other moment
  struct stop {};
  using event = std::variant<slot_due, executor_registered, link_lost, process_ended, tick, stop>;

  // -- actions
  struct start_process {
    std::uint32_t slot = 0;
    executor_id executor;
    std::uint64_t incarnation = 0;
  };
  struct kill_process {
    executor_id executor;
    std::string reason;
    duration grace{0};
  };
  /// It belongs to us: open a session with it, welcome it, and let the scheduler use it.
  struct admit {
    executor_id executor;
    std::uint64_t incarnation = 0;
    std::int64_t process = 0;
    std::uint32_t cores = 0;
  };
  /// It seems not to have heard its welcome.
  struct welcome_again {
    executor_id executor;
  };
  /// Count it, and tell it to end.
  struct refuse {
    executor_id executor;
    std::int64_t process = 0;
    errc code = errc::executor_lost;
    std::string text;
  };
  /// The process is dead: close its session, forget what it had. `was_admitted`: the scheduler has to be told.
  struct bury {
    executor_id executor;
    std::string reason;
    bool was_admitted = false;
  };
  /// Send slot_due for this slot at that time. One that comes too early is asked for again.
  struct start_later {
    std::uint32_t slot = 0;
    time_point when;
  };
  struct all_admitted {}; ///< for the first time every slot has its executor
  /// A slot is given up, or a registration of one of our own was refused: whoever waits for the start should not wait any longer.
  struct start_failed {
    errc code = errc::no_executors;
    std::string text;
  };
  /// Every slot is given up: no executor will ever come again.
  struct exhausted {
    std::string text;
  };
  /// The application ends; ask it to end, too.
  struct ask_to_leave {
    executor_id executor;
  };
  using action = std::variant<start_process, kill_process, admit, welcome_again, refuse, bury, start_later, all_admitted, start_failed,
                              exhausted, ask_to_leave, wake_at, notice>;

  explicit executor_supervisor(const limits& bounds);

  std::vector<action> handle(const event& what, time_point now);

  /// Executors whose processes were ordered and are not buried.
  std::uint32_t living() const noexcept;
  bool stopping() const noexcept {
    return stopping_;
  }

private:
  struct slot {
    explicit slot(restart_policy::limits bounds) : policy(bounds) {}

    restart_policy policy;
    enum class phase : std::uint8_t { empty, starting, admitted, ending, given_up } state = phase::empty;
    executor_id executor = no_executor; ///< unless empty or given up
    std::uint64_t incarnation = 0;
    std::int64_t process = 0;
    time_point due; ///< not started before
    time_point started;
    bool was_admitted = false;
    std::string refusal; ///< why its registration was refused
  };

  void on(const slot_due& what);
  void on(const executor_registered& what);
  void on(const link_lost& what);
  void on(const process_ended& what);
  void on(const tick& what);
  void on(const stop& what);

  slot* find(executor_id executor) noexcept;
  void admit_into(slot& one, const executor_registered& who);
  void turn_away(const executor_registered& who, errc code, std::string text);
  void replace(slot& one, const std::string& reason);
  void give_up(slot& one, const std::string& reason);
  void ask_for_wake();

  limits limits_;
  std::vector<slot> slots_;
  std::uint32_t next_executor_ = 0;
  bool stopping_ = false;
  bool complete_ = false; ///< all_admitted was said
  time_point now_;
  std::vector<action> actions_;
};

} // namespace salamander::scheduler
