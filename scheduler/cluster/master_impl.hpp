// The inside of master: its tables, and the functions that move them along. Include only from this folder's .cpp files.
#pragma once

#include <salamander/scheduler/cluster/core_assignment.hpp>
#include <salamander/scheduler/cluster/master.hpp>

#include <deque>
#include <unordered_map>

namespace salamander::scheduler::cluster {

/// Applications by age: the first one is served first.
using application_number = std::uint64_t;

/// What makes an executor the same one everywhere: a number may be taken by somebody who does not know better, an incarnation not.
struct executor_key {
  application_number application = 0;
  std::uint32_t executor = 0;
  auto operator<=>(const executor_key&) const = default;
};

/// What failed one after the other without a success between; the wait grows with it.
struct failure_row {
  std::uint32_t failures = 0;
  time_point not_before{};
};

struct executor_entry {
  std::uint64_t incarnation = 0;
  std::string worker;
  std::string host;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  bool sent = false;     ///< its launch was put into orders: it may run, whatever reports say
  bool reported = false; ///< by its worker, at least once
  bool leaving = false;
  bool proven = false; ///< it has run for long enough not to count as one that fails to start
  bool met = false;    ///< its driver was heard after that, or it is a former leader's: both may go on without a master
  process_state state = process_state::starting;
  process_end end = process_end::none;
  std::string reason;
  std::string positions;
  time_point running_since{};
  std::uint64_t seen = 0; ///< the worker's last report that had it

  bool living() const noexcept {
    return state != process_state::ended;
  }
};

struct application_entry {
  application_number number = 0;
  std::string id;
  std::string token;
  std::string name;
  std::string user;
  std::string submitted_as;
  std::int64_t submitted_at = 0;
  bool journalled = true; ///< false: only its executors were heard of, while recovering
  bool awaited = false;   ///< the journal has it, and it has not reported to this master
  std::optional<application_description> described;
  std::vector<stored_file> missing;
  peer_id peer = no_peer;
  std::uint64_t sequence = 0;
  time_point last_heard{};
  application_progress progress; ///< as last reported
  time_point peer_lost_at{};
  std::uint32_t executors_max = no_limit;
  std::set<std::uint32_t> released;
  std::map<std::uint32_t, executor_entry> executors;
  std::uint32_t next_executor = 0;
  std::uint32_t numbered_below = 0; ///< in the journal
  std::uint32_t restored_below = 0; ///< former leaders may have started executors with these numbers
  std::set<std::uint32_t> given_up; ///< of those numbers: they shall not run any more
  std::uint32_t failures = 0;       ///< of executors, without a success between
  std::string last_failure;
  std::map<std::string, failure_row> failures_at; ///< by worker

  bool over = false;
  application_state result = application_state::running; ///< once it is over
  std::string ended;                                     ///< why
  std::int64_t ended_at = 0;
  std::map<std::uint32_t, std::string> places; ///< workers of executors, for their logs
};

/// A process that is not wanted (any more) on a worker which may still run it: its cores are not free yet.
struct stray {
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  bool reported = false;
  time_point since{};
  std::uint64_t seen = 0;
};

struct worker_entry {
  std::string name;
  std::string host;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  peer_id peer = no_peer;
  std::uint64_t sequence = 0;
  time_point last_heard{};
  bool awaited = false; ///< the journal has it, and it has not reported to this master
  bool leaving = false;
  bool runs_drivers = true;
  bool dead = false;
  bool left = false; ///< dead, and nothing ran there any more when it went
  std::vector<std::string> formerly;
  std::set<executor_key> executors;                              ///< those of the applications' entries that are here
  std::map<std::pair<std::string, std::uint64_t>, stray> strays; ///< by application and incarnation, or driver and attempt
  // Kept by master::impl::account.
  std::uint32_t cores_used = 0;
  std::uint64_t memory_used_bytes = 0;

  std::uint32_t cores_free() const noexcept {
    return cores - std::min(cores, cores_used);
  }
  std::uint64_t memory_free() const noexcept {
    return memory_bytes - std::min(memory_bytes, memory_used_bytes);
  }
};

struct driver_entry {
  std::uint64_t number = 0;
  std::string id;
  std::string token;
  driver_description what; ///< with its launch bytes
  std::int64_t submitted_at = 0;
  driver_state state = driver_state::submitted;
  std::uint32_t attempt = 0; ///< of the one that runs or ran last; the first is 1
  std::string worker;        ///< of that one
  bool placed = false;       ///< it is on that worker, as far as anybody knows
  bool sent = false;         ///< its launch was put into orders
  bool reported = false;
  std::uint64_t seen = 0;
  time_point running_since{};
  bool kill_asked = false;
  time_point kill_asked_at{};
  std::string kill_reason;
  failure_row failures;
  std::set<std::string> failed_at; ///< workers that could not start it, one after the other
  std::int32_t exit_code = 0;
  std::string reason;
  std::int64_t ended_at = 0;

  bool over() const noexcept {
    return state == driver_state::finished || state == driver_state::failed || state == driver_state::killed ||
           state == driver_state::error;
  }
};

class master::impl {
public:
  impl(const master_settings& settings, std::uint64_t term, std::uint64_t random) : settings_(settings), term_(term), random_(random) {}

  std::vector<action> handle(const event& what, time_point now, std::int64_t wall);

private:
  friend class master;

  // Workers (master_workers.cpp).
  void on(const worker_heard& e);
  void refuse_worker(const worker_heard& e, std::string why);
  worker_entry* admit_worker(const worker_heard& e);
  void read_executors(worker_entry& worker, const worker_report& report);
  void read_drivers(worker_entry& worker, const worker_report& report);
  void read_leaving(worker_entry& worker, bool leaving);
  bool may_adopt(const application_entry* application, const executor_status& status) const;
  void adopt(worker_entry& worker, const executor_status& status);
  void keep_stray(worker_entry& worker, const std::string& owner, std::uint64_t incarnation, std::uint32_t cores,
                  std::uint64_t memory_bytes);
  void forget_strays(worker_entry& worker);
  bool runs_nothing(const worker_entry& worker);
  void bury(worker_entry& worker, const std::string& why);
  worker_orders orders_for(worker_entry& worker);
  void list(application_entry& application, std::uint32_t number, executor_entry& executor, worker_orders& orders,
            std::size_t& launch_bytes);
  static void list(driver_entry& driver, worker_orders& orders, std::size_t& launch_bytes);
  static bool launch_fits(bool sent, std::size_t size, std::size_t& launch_bytes);

  // Executors (master_executors.cpp).
  void read_status(application_entry& application, std::uint32_t number, executor_entry& executor, const executor_status& status);
  void end_executor(application_entry& application, std::uint32_t number, process_end end, const std::string& reason);
  void count_failure(application_entry& application, const executor_entry& executor);
  void prove(application_entry& application, executor_entry& executor);
  /// Not listed any more: its worker kills it, if it runs.
  void dismiss(application_entry& application, std::uint32_t number);

  // Applications (master_applications.cpp).
  void on(const application_heard& e);
  void on(const application_left& e);
  void on(const file_arrived& e);
  application_entry* admit_application(const application_heard& e);
  void read_wishes(application_entry& application, const application_report& report);
  void end_application(application_entry& application, application_state result, const std::string& reason);
  /// It had said that all is well, and then its driver's process ended badly.
  void fail_afterwards(application_entry& application, const std::string& reason);
  void watch_application(application_entry& application);
  static bool driver_seems_gone(const application_entry& application);
  void forget_old_applications();
  application_grants grants_for(const application_entry& application) const;
  static std::string complaint_about(const application_description& what);
  std::uint32_t cores_wanted(const application_entry& application) const;
  void trim(application_entry& application);
  static std::uint32_t cores_of(const application_entry& application);

  // Drivers (master_drivers.cpp).
  void on(const driver_asked& e);
  void on(const kill_asked& e);
  void kill_driver(driver_entry& driver, const std::string& reason);
  void end_attempt(driver_entry& driver, process_end end, std::int32_t exit_code, const std::string& reason);
  void end_driver(driver_entry& driver, driver_state state, const std::string& reason);
  void relaunch(driver_entry& driver, process_end end, const std::string& reason);
  bool try_elsewhere(driver_entry& driver, const std::string& reason);
  bool has_untried_worker(const driver_entry& driver) const;
  void give_up_start(driver_entry& driver);
  std::string complaint_about(const driver_asked& e) const;
  void forget_old_drivers();

  // Placement (master_placement.cpp).
  void place();
  void place_drivers();
  void place_fifo();
  void place_fair();
  /// Returns whether any executor was placed.
  bool place_executors(application_entry& application, std::uint32_t executors_max);
  /// What is used of each worker.
  void account();
  bool usable(const worker_entry& worker) const;
  std::vector<worker_entry*> candidates_for(const application_entry& application);
  worker_entry* worker_for(const driver_entry& driver);
  void add_executor(application_entry& application, worker_entry& worker, std::uint32_t cores);

  // The start, time, and what is told (master.cpp, master_recovery.cpp).
  void on(const start& e);
  void on(const peer_lost& e);
  void on(const tick& e);
  void restore(const numbers_used& record);
  void restore(const worker_joined& record);
  void restore(const worker_gone& record);
  void restore(const application_joined& record);
  void restore(const executors_numbered& record);
  void restore(const application_over& record);
  void restore(const driver_accepted& record);
  void restore(const driver_placed& record);
  void restore(const driver_not_started& record);
  void restore(const driver_kill_asked& record);
  void restore(const driver_over& record);
  std::vector<journal_record> snapshot() const;
  cluster_summary summary(time_point now, const std::string& id) const;
  void check_recovered();
  void forgive_own_pause(time_point now);
  void check_workers();
  void tell_all();
  void answer_all();

  void write(journal_record what) {
    actions_.emplace_back(append{std::move(what)});
  }
  void say(notice::level how, std::string text) {
    actions_.emplace_back(notice{how, std::move(text)});
  }
  void wake(time_point when) {
    next_wake_ = std::min(next_wake_, when);
  }
  /// Its orders have changed, or it asked: it is told at the end of this event.
  void touch(const worker_entry& worker) {
    told_workers_.insert(worker.name);
  }
  void touch(const application_entry& application) {
    told_applications_.insert(application.number);
  }
  void touch_worker(const std::string& name);
  void tell_everybody() noexcept {
    everybody_ = true;
  }
  worker_entry* find_worker(const std::string& name);
  executor_entry* find_executor(const executor_key& key);
  application_entry* find_application(const std::string& id);
  std::uint64_t draw() noexcept;
  std::string new_id(const char* kind, std::uint64_t number) const;
  driver_entry* find_driver(const std::string& id);

  master_settings settings_;
  std::uint64_t term_;
  std::uint64_t random_;
  time_point now_{};
  std::int64_t wall_ = 0;
  time_point started_{};
  bool recovering_ = false;
  bool lost_journal_ = false; ///< there was a leader before, and it left no record
  bool dirty_ = false;        ///< something changed that may let something be placed
  bool everybody_ = false;
  time_point next_wake_ = time_point::max();
  std::uint64_t orders_made_ = 0;
  std::uint64_t next_application_ = 0;
  std::uint64_t next_driver_ = 0;
  std::map<std::string, worker_entry> workers_;
  std::map<application_number, application_entry> applications_;
  std::unordered_map<std::string, application_number> applications_by_id_;
  std::unordered_map<std::string, application_number> applications_by_token_;
  std::map<std::uint64_t, driver_entry> drivers_;
  std::unordered_map<std::string, std::uint64_t> drivers_by_id_;
  std::unordered_map<std::string, std::uint64_t> drivers_by_token_;
  std::set<std::string> told_workers_;
  std::set<application_number> told_applications_;
  std::vector<action> actions_;
};

/// Letters, digits and hyphens: these become names of directories.
bool is_application_id(const std::string& id);
/// Why files cannot be what an application or driver comes with; empty: they can.
std::string complaint_about(const std::vector<stored_file>& program, const std::vector<stored_file>& files);
/// "12.5 s", for people.
std::string seconds_text(duration time);
/// Cut to what is kept of peers' texts, without control characters: they end up in terminals.
std::string plain_text(const std::string& text);

} // namespace salamander::scheduler::cluster
