// What a worker of a standalone cluster does: what the newest orders list runs, what they do not list is ended. Pure: events in,
// actions out; the caller brings the time.
//
// A process's life:
//
//   listed -> (fetch its program and files) -> (wait for cores and its predecessor's death) -> start_process -> process_started
//                 \ cannot be had                                                                   \____________________/
//                  \                                                                                          v
//                   `-> ended, reported until orders do not list it any more -> forgotten          process_ended, or not listed:
//                                                                                                  kill_process -> process_ended
#pragma once

#include <salamander/scheduler/cluster/protocol.hpp>
#include <salamander/scheduler/events.hpp>

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <variant>

namespace salamander::scheduler::cluster {

/// One executor or one attempt of a driver. An executor's number with another incarnation is another executor.
struct process_key {
  bool driver = false;
  std::string owner; ///< application or driver
  std::uint32_t number = 0;
  std::uint64_t incarnation = 0; ///< 0: a driver
  auto operator<=>(const process_key&) const = default;
};

/// "executor 3 of app-...", "attempt 1 of driver-..."
std::string text_of(const process_key& key);

/// Limits: never more cores or memory in use than offered; what does not fit waits until what is being ended is dead.
/// Faults: orders that are lost, late, repeated or of a master that does not lead any more; no master for any time: what runs goes on;
/// processes that end, cannot be started or do not end when asked. Nothing that was forgotten is started again by late orders.
/// Threads: use from one thread.
class worker_machine {
public:
  struct limits {
    std::string worker;
    std::string host;
    std::uint32_t cores = 1;
    std::uint64_t memory_bytes = 0;
    bool runs_drivers = true;
    duration report_interval = std::chrono::seconds(1);
    duration report_gap = std::chrono::milliseconds(20);   ///< changes within it are one report
    duration master_timeout = std::chrono::seconds(3);     ///< nothing was heard for so long: look for a master again
    duration unreachable_notice = std::chrono::minutes(1); ///< said so often
    duration kill_grace = std::chrono::seconds(2);         ///< between asking a process to end and killing it
    duration stop_grace = std::chrono::seconds(30);        ///< of a decommission
    duration last_words = std::chrono::seconds(1);         ///< for the last report to arrive
    std::vector<std::string> formerly;                     ///< names of earlier workers whose logs are here
  };

  // -- events
  /// Reports can be sent.
  struct master_found {};
  /// They cannot; `hint`: who leads, as the master said that does not.
  struct master_lost {
    std::string hint;
  };
  struct orders_came {
    worker_orders orders;
  };
  /// In the worker's store, verified.
  struct file_ready {
    std::string sha256;
  };
  struct file_failed {
    std::string sha256;
    std::string reason;
  };
  struct process_started {
    process_key process;
  };
  /// It is dead and buried, or could not be started (process_end::not_started).
  struct process_ended {
    process_key process;
    process_end how = process_end::failed;
    std::int32_t exit_code = 0;
    std::string reason;
    std::string positions;
  };
  struct tick {};
  /// Decommission; again: end at once.
  struct stop {};
  using event = std::variant<master_found, master_lost, orders_came, file_ready, file_failed, process_started, process_ended, tick, stop>;

  // -- actions
  /// To the master; the caller adds the proof.
  struct send_report {
    worker_report report;
  };
  /// Look for a master that leads, beginning with the hint; master_found says that there is one.
  struct seek_master {
    std::string hint;
  };
  /// Unless it is in the worker's store. Answered by file_ready or file_failed; no second one for the same content before that.
  struct fetch_file {
    stored_file file;
  };
  struct start_process {
    process_key process;
    std::uint32_t cores = 0;
    std::uint64_t memory_bytes = 0;
    std::string launch;
    stored_file program;
    std::vector<stored_file> files;
  };
  /// Ask it to end, kill it after the grace.
  struct kill_process {
    process_key process;
    std::string reason;
    duration grace{0};
  };
  /// Nothing of this application or driver will run here any more: its secrets and sockets go.
  struct owner_over {
    std::string owner;
  };
  /// A master has accepted this worker, for the first time.
  struct registered {};
  /// The worker's process ends; nothing runs any more.
  struct end {
    int exit_code = 0;
    std::string reason;
  };
  using action =
      std::variant<send_report, seek_master, fetch_file, start_process, kill_process, owner_over, registered, end, wake_at, notice>;

  explicit worker_machine(limits bounds);

  std::vector<action> handle(const event& what, time_point now);

  /// Applications and drivers that are not over, as far as this worker knows.
  const std::set<std::string>& owners() const noexcept {
    return owners_;
  }
  /// Whether such an executor, or such an attempt of a driver, may be alive.
  bool runs(const std::string& owner, std::uint32_t number) const noexcept;
  /// Cores of processes that may be alive.
  std::uint32_t cores_used() const noexcept;

private:
  enum class phase : std::uint8_t { fetching, waiting, starting, running, ended };

  struct entry {
    phase at = phase::fetching;
    std::uint64_t ordinal = 0; ///< older orders are started first
    std::uint32_t cores = 0;
    std::uint64_t memory_bytes = 0;
    bool leaving = false;
    bool listed = true;
    process_end ends_as = process_end::none; ///< it is being killed: what its end will be called
    std::string kill_reason;
    std::string launch;
    std::vector<stored_file> program;
    std::vector<stored_file> files;
    std::set<std::string> missing; ///< SHA-256 of what is not known to be in the store yet
    process_end end = process_end::none;
    std::int32_t exit_code = 0;
    std::string reason;
    std::string positions;

    bool alive() const noexcept {
      return at == phase::starting || at == phase::running;
    }
  };
  using table = std::map<process_key, entry>;

  void on(const master_found& what);
  void on(const master_lost& what);
  void on(const orders_came& what);
  void on(const file_ready& what);
  void on(const file_failed& what);
  void on(const process_started& what);
  void on(const process_ended& what);
  void on(const tick& what);
  void on(const stop& what);

  void follow(const worker_orders& orders);
  template <class Order>
  void list(process_key key, const Order& order, bool leaving);
  void admit(const process_key& key, entry& one);
  std::string why_impossible(const process_key& key, const entry& one) const;
  void start_what_fits();
  bool fits(const process_key& key, const entry& one) const;
  void fail(entry& one, process_end how, std::string reason);
  void fail_unstarted(const process_key& key, entry& one);
  void kill(const process_key& key, entry& one, process_end as, const std::string& reason, duration grace);
  void kill_all(process_end as, const std::string& reason, duration grace);
  void forget_owners(const worker_orders& orders);
  void begin_end(int exit_code, std::string reason);
  void lose_master(const std::string& hint);
  void check_end();
  void report_if_due();
  worker_report report();
  void ask_for_wake();
  void say(notice::level how, std::string text);

  const limits limits_;
  table processes_;
  std::set<std::string> owners_;
  std::set<std::string> fetching_;
  std::uint64_t next_ordinal_ = 0;

  std::uint64_t term_ = 0;
  std::uint64_t considered_ = 0; ///< newest report that orders of this term have considered
  std::uint64_t number_ = 0;     ///< of the newest orders that considered it
  std::uint64_t sequence_ = 0;
  bool connected_ = false;
  bool registered_ = false;
  bool changed_ = true;
  time_point reported_{};
  time_point heard_{};
  std::optional<time_point> unreachable_since_;
  time_point unreachable_said_{};

  enum class ending : std::uint8_t { no, leaving, now, done } ending_ = ending::no;
  int exit_code_ = 0;
  std::string end_reason_;
  time_point stop_at_{};               ///< leaving: everything is ended then
  std::optional<time_point> all_dead_; ///< nothing has run since
  std::uint64_t last_report_ = 0;      ///< the first one after that

  time_point now_;
  time_point wake_{}; ///< the newest one that was asked for
  std::vector<action> actions_;
};

} // namespace salamander::scheduler::cluster
