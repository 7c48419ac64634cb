// The executors that a cluster's master grants an application, as its driver sees them: expect, admit, bury. Pure: events in, actions
// out; the caller brings the time.
//
// A granted executor's life:  granted and registered, in either order -> admit -> (works) -> its link is lost, or its end is reported -> bury
#pragma once

#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/cluster/protocol.hpp>
#include <salamander/scheduler/events.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace salamander::scheduler::cluster {

/// Faults: masters that are silent, restarted or replaced; executors of which only one side says that they ended; registrations that
/// come before their grant, twice, or from strangers. An executor that was buried never comes back. Threads: use from one thread.
class roster {
public:
  struct limits {
    std::uint32_t protocol = 0; ///< of executors
    duration report_interval = std::chrono::seconds(1);
    /// Without a word of any master; then another one is looked for.
    duration master_silence_max = std::chrono::seconds(3);
    /// Until a master has answered for the first time.
    duration join_max = std::chrono::seconds(60);
    /// An executor whose connection ended is buried with its own exit code or signal if its worker tells that within this time.
    duration natural_end_grace = std::chrono::milliseconds(1500);
    /// How often people are told that jobs wait for executors.
    duration patience = std::chrono::seconds(15);
    /// How many executors are wanted at first.
    std::uint32_t executors_wanted = no_limit;
  };

  // -- events
  struct master_found {}; ///< a connection was made
  struct master_lost {};  ///< it ended, or that master does not lead
  struct granted {
    application_grants what;
  };
  struct executor_registered {
    executor_id executor;
    std::uint64_t incarnation = 0;
    std::int64_t process = 0;
    std::uint32_t protocol = 0;
    std::uint32_t cores = 0;
    std::string mismatch; ///< text on how its build differs from the driver's; empty: it does not
  };
  struct link_lost {
    executor_id executor;
    std::string reason;
    bool connection_ended = false;
  };
  /// The scheduler wants this executor to end, perhaps after it has handed over what it holds.
  struct unwanted {
    executor_id executor;
    std::string reason;
    bool released = false; ///< it has handed over what it held, and was asked to end
  };
  /// So many executors are wanted from now on; those that there are stay until they are `unwanted`.
  struct wanted {
    std::uint32_t executors = no_limit;
  };
  struct tick {};
  struct stop {};
  using event = std::variant<master_found, master_lost, granted, executor_registered, link_lost, unwanted, tick, stop, wanted>;

  // -- actions
  struct send_report {
    application_report what; ///< without its description when `introduce` says so
    bool introduce = false;
  };
  /// Look for another master.
  struct seek_master {};
  struct send_files {
    std::vector<stored_file> missing;
  };
  struct admit {
    executor_id executor;
    std::uint64_t incarnation = 0;
    std::int64_t process = 0;
    std::uint32_t cores = 0;
    std::string host;
    std::string worker;
  };
  struct welcome_again {
    executor_id executor;
  };
  struct refuse {
    executor_id executor;
    std::string text;
  };
  struct bury {
    executor_id executor;
    std::string reason;
    std::string positions; ///< as its worker found them; empty: not known
    bool was_admitted = false;
    bool worker_lost = false;
  };
  struct ask_to_leave {
    executor_id executor;
  };
  /// Its worker leaves the cluster: it shall hand over what it holds. Said once, after `admit`.
  struct leaves {
    executor_id executor;
    std::string reason;
  };
  /// The first grants have come: the application has an id.
  struct joined {
    std::string id;
  };
  /// For the first time all granted executors, and at least one, are admitted.
  struct manned {};
  /// The cluster will not run this application any more, or there is none.
  struct given_up {
    errc code = errc::no_executors;
    std::string text;
  };
  using action = std::variant<send_report, seek_master, send_files, admit, welcome_again, refuse, bury, ask_to_leave, joined, manned,
                              given_up, wake_at, notice, leaves>;

  roster(const limits& bounds, std::string token, time_point now);

  std::vector<action> handle(const event& what, time_point now);

  /// Of executors that are admitted.
  std::uint32_t cores() const noexcept;
  const std::string& id() const noexcept {
    return id_;
  }

private:
  struct member {
    granted_executor grant;
    bool granted = false; ///< else it registered before its grant came
    std::optional<executor_registered> registered;
    bool admitted = false;
    bool said_that_it_leaves = false;
    std::optional<time_point> bury_at; ///< its link is lost
    std::string reason;
  };

  void on(const master_found& what);
  void on(const master_lost& what);
  void on(const granted& what);
  void on(const executor_registered& who);
  void on(const link_lost& what);
  void on(const unwanted& what);
  void on(const wanted& what);
  void on(const tick& what);
  void on(const stop& what);

  void take(const granted_executor& one);
  void admit_one(std::uint32_t number, member& one);
  void say_if_it_leaves(std::uint32_t number, member& one);
  void bury_one(std::uint32_t number, const std::string& reason, const std::string& positions, bool worker_lost);
  void report();
  void check_manned();

  const limits limits_;
  const std::string token_;
  std::string id_;
  std::uint64_t term_ = 0;
  std::uint64_t sequence_ = 0;
  bool connected_ = false;
  bool introduce_ = true;
  bool stopping_ = false;
  bool manned_ = false;
  bool over_ = false; ///< given_up was said
  std::map<std::uint32_t, member> members_;
  std::set<std::uint32_t> released_; ///< until grants do not list them any more
  std::set<std::uint32_t> buried_;   ///< the same
  std::set<std::uint32_t> gone_;     ///< buried ones, for ever: their numbers are not used again
  std::uint32_t wanted_;
  std::uint32_t early_ = 0; ///< members without a grant
  time_point started_;
  time_point heard_;
  time_point reported_;
  std::optional<time_point> lonely_since_; ///< no executor is there, or expected soon
  std::uint32_t workers_ = 0;
  std::uint32_t cores_free_ = 0;
  time_point now_;
  std::vector<action> actions_;
};

} // namespace salamander::scheduler::cluster
