// What runs where on a standalone cluster: the state machine of a master that leads. Pure: events in, actions out; the caller brings
// the time and one random number, and performs the actions in their order (a record is written before anybody hears of what it says).
//
//   worker  -- report: all that runs there -->  master  -- orders: all that shall run there -->  worker
//   driver  -- report: what it wants        -->         -- grants: what it has              -->  driver
//
// A new master is `recovering` until all workers and applications of the journal have reported, or the time for it is over: it learns
// from reports what runs, and nothing is killed or started meanwhile.
#pragma once

#include <salamander/scheduler/cluster/journal_records.hpp>
#include <salamander/scheduler/events.hpp>

#include <map>
#include <set>

namespace salamander::scheduler::cluster {

/// A connection, as the shell counts them; answers go to the one that asked.
using peer_id = std::uint64_t;
inline constexpr peer_id no_peer = 0;

struct master_settings {
  enum class order : std::uint8_t {
    fifo, ///< the first application gets all it wants, then the next one
    fair, ///< one executor at a time to the application with the fewest cores
  };
  order applications = order::fifo;                             ///< who is served first
  bool spread_out = true;                                       ///< false: few workers rather than many
  std::uint32_t default_cores = no_limit;                       ///< of applications that do not say
  std::uint32_t executor_retries = 10;                          ///< failures in a row that end an application; no_limit: never
  std::uint32_t drivers_max = 1000;                             ///< that are not over
  std::uint32_t driver_workers_max = 4;                         ///< that fail to start a driver before it is given up
  std::size_t retained_applications = 200;                      ///< that are over
  std::size_t retained_drivers = 200;                           ///< that are over
  duration worker_silent_after = std::chrono::seconds(3);       ///< nothing new is placed there
  duration worker_dead_after = std::chrono::seconds(15);        ///< what ran there is lost
  duration recovery_max = std::chrono::milliseconds(2500);      ///< how long a new master listens
  duration application_timeout = std::chrono::seconds(60);      ///< without a word from its driver
  duration application_timeout_idle = std::chrono::seconds(10); ///< the same when no executor may work for it
  /// An executor has lost its driver, and so has this master: the driver may come back after a cut within this time.
  duration driver_return = std::chrono::seconds(3);
  /// An executor or driver that has run for so long has not failed to start.
  duration proven_after = std::chrono::seconds(3);
  /// Before an executor of the same application starts again on a worker where one failed to start; twice as long each time.
  duration restart_wait = std::chrono::milliseconds(250);
  duration restart_wait_max = std::chrono::seconds(10);
};

/// Limits of what one master keeps and of what one report may say; what is beyond is refused, and the sender told why.
struct master_limits {
  static constexpr std::size_t workers = 2000;
  static constexpr std::size_t applications = 1000; ///< that are not over
  static constexpr std::size_t executors = 4000;    ///< of one application
  static constexpr std::size_t processes = 4096;    ///< in one worker's report
  static constexpr std::uint32_t cores = 1U << 16;  ///< of one worker
  static constexpr std::size_t text = 1024;         ///< names and reasons; longer ones are cut
  static constexpr std::size_t files = 256;         ///< of one application or driver
  static constexpr std::size_t launch_bytes = 256U << 10;
  /// Launch bytes in one message to a worker; further executors wait for the next one.
  static constexpr std::size_t launch_bytes_at_once = 512U << 10;
};

/// Faults: every message may be lost, late, repeated or from a connection that is replaced; workers and drivers may go, hang and come
/// back; the journal may end anywhere. No core is given twice as long as workers report what runs.
/// Threads: use from one thread.
class master {
public:
  // -- events
  /// First of all.
  struct start {
    std::vector<journal_record> journal;         ///< in the order in which it was written
    std::map<std::string, std::string> launches; ///< launch bytes of drivers, by identifier
  };
  /// The worker has proved that it belongs to the cluster.
  struct worker_heard {
    peer_id from = no_peer;
    worker_report what;
  };
  struct application_heard {
    peer_id from = no_peer;
    application_report what;
    std::vector<stored_file> missing; ///< those of the description that are not stored
  };
  struct application_left {
    peer_id from = no_peer;
    application_ended what;
  };
  struct driver_asked {
    peer_id from = no_peer;
    std::uint64_t request = 0;
    std::string token;
    driver_description what;
    std::vector<stored_file> missing;
  };
  struct kill_asked {
    peer_id from = no_peer;
    std::uint64_t request = 0;
    std::string id;
    std::string reason;
  };
  struct file_arrived {
    std::string sha256;
  };
  struct peer_lost {
    peer_id peer = no_peer;
  };
  struct tick {}; ///< when wake_at says, or any other moment
  using event =
      std::variant<start, worker_heard, application_heard, application_left, driver_asked, kill_asked, file_arrived, peer_lost, tick>;

  // -- actions
  struct append {
    journal_record what;
  };
  /// Keep a driver's launch bytes where only this user can read them.
  struct keep_launch {
    std::string driver;
    std::string bytes;
  };
  struct drop_launch {
    std::string driver;
  };
  struct send_orders {
    peer_id to = no_peer;
    worker_orders what;
  };
  struct send_grants {
    peer_id to = no_peer;
    application_grants what;
  };
  struct answer_driver {
    peer_id to = no_peer;
    std::uint64_t request = 0;
    std::string driver;
    std::vector<stored_file> missing;
    std::string refused;
  };
  struct answer_kill {
    peer_id to = no_peer;
    std::uint64_t request = 0;
    bool done = false;
    std::string text;
  };
  using action = std::variant<append, keep_launch, drop_launch, send_orders, send_grants, answer_driver, answer_kill, wake_at, notice>;

  /// `term`: of this leader, greater than that of any before. `random`: where incarnations come from.
  master(const master_settings& settings, std::uint64_t term, std::uint64_t random);
  master(const master&) = delete;
  master& operator=(const master&) = delete;
  ~master();

  /// `wall`: seconds since 1970, for identifiers and for people only.
  std::vector<action> handle(const event& what, time_point now, std::int64_t wall);

  bool recovering() const noexcept;
  /// How many there should be: not dead as far as is known.
  std::size_t workers_expected() const noexcept;
  /// All that a journal has to say from here on, shortest.
  std::vector<journal_record> snapshot() const;
  /// What `salamander status` shows; `id`: of one application or driver, empty: all.
  cluster_summary summary(time_point now, const std::string& id = {}) const;
  /// The worker's connection where this runs or ran last; no_peer: not known, or not connected. For reading its log.
  peer_id worker_of(const std::string& id, std::uint32_t executor) const;
  /// Hashes of all files that something which is not over may still need.
  std::set<std::string> files_in_use() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::scheduler::cluster
