// What masters, workers, drivers and submitters of a standalone cluster tell each other: facts and wishes, always whole.
//
// A report holds everything its sender has; orders and grants hold everything their receiver shall have. Each is sent again with every
// heartbeat, so none of them has to arrive: what was lost, late or said by a master that is gone is healed by the next one.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace salamander::scheduler::cluster {

/// Raised with every change of this file.
inline constexpr std::uint32_t cluster_protocol_version = 3;

inline constexpr std::uint32_t no_limit = std::numeric_limits<std::uint32_t>::max();

/// Content-addressed bytes: an application's program, or a file that comes with it.
struct stored_file {
  std::string name;   ///< file name without a folder
  std::string sha256; ///< 64 lower-case hex digits
  std::uint64_t bytes = 0;
};

enum class process_state : std::uint8_t { starting, running, ended };

/// How a process came to its end, for supervision and for people.
enum class process_end : std::uint8_t {
  none,        ///< it has not
  finished,    ///< exit code 0
  failed,      ///< another exit code or a signal
  not_started, ///< its program could not be had or started
  killed,      ///< because orders did not list it any more
  worker_lost, ///< nobody knows: its worker is gone
  driver_gone, ///< an executor that had lost its driver
  decommissioned,
};

// -- worker and master --------------------------------------------------------

struct executor_status {
  std::string application;
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  process_state state = process_state::starting;
  process_end end = process_end::none;
  std::string reason;    ///< "killed by signal 9 (Killed)"
  std::string positions; ///< where its tasks were when it died, for its driver only; empty: not known
};

struct driver_status {
  std::string driver;
  std::uint32_t attempt = 0;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  process_state state = process_state::starting;
  process_end end = process_end::none;
  std::int32_t exit_code = 0; ///< 128 + signal when a signal ended it
  std::string reason;
};

/// From a worker: everything that runs on it or has ended there and is still ordered.
struct worker_report {
  static constexpr const char* wire_name = "salamander.worker_report";
  std::uint32_t protocol = cluster_protocol_version;
  std::string worker; ///< "worker-<host>-<16 hex digits>", another one each time it starts
  std::string proof;  ///< that it knows the secret of the cluster's nodes
  std::uint64_t sequence = 0;
  std::string host;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  bool leaving = false;     ///< it is being decommissioned: nothing more is placed there
  bool runs_drivers = true; ///< it has credentials for drivers
  std::vector<executor_status> executors;
  std::vector<driver_status> drivers;
  std::vector<std::string> formerly; ///< names of earlier workers of its directory, whose logs it has
  template <class F>
  void fields(F&& f) {
    f(protocol, worker, proof, sequence, host, cores, memory_bytes, leaving, runs_drivers, executors, drivers, formerly);
  }
};

struct executor_order {
  std::string application;
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  bool leaving = false; ///< it shall hand over what it has and end
  // The rest is empty once the worker has reported this executor.
  std::string launch;               ///< an encoded executor_launch
  std::vector<stored_file> program; ///< one
  std::vector<stored_file> files;
};

struct driver_order {
  std::string driver;
  std::uint32_t attempt = 0;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  // The rest is empty once the worker has reported this attempt.
  std::string launch;               ///< an encoded driver_launch
  std::vector<stored_file> program; ///< one
  std::vector<stored_file> files;
};

/// To a worker: everything that shall run there. What is not listed is killed, what has ended and is not listed is forgotten.
struct worker_orders {
  static constexpr const char* wire_name = "salamander.worker_orders";
  std::uint64_t term = 0;     ///< of the master; orders of an earlier one than was seen are ignored
  std::uint64_t sequence = 0; ///< the newest report that was considered
  bool recovering = false;    ///< the master does not know everything yet: lists mean nothing, all that runs goes on
  std::string refused;        ///< why this worker may not join; it ends
  std::vector<executor_order> executors;
  std::vector<driver_order> drivers;
  std::vector<std::string> applications; ///< that are not over: their directories stay
  std::uint64_t number = 0;              ///< grows with each of this term: of two that considered the same report, the later one counts
  template <class F>
  void fields(F&& f) {
    f(term, sequence, recovering, refused, executors, drivers, applications, number);
  }
};

// -- driver and master --------------------------------------------------------

/// What an application asks for.
struct application_description {
  std::string name;
  std::string user;
  std::uint32_t cores_max = no_limit; ///< salamander.cores.max
  std::uint32_t executor_cores = 0;   ///< 0: one executor on each worker, with all cores that are free there
  std::uint64_t executor_memory_bytes = 0;
  std::string driver_host;
  std::string submitted_as;         ///< the driver's id when it runs on the cluster itself, else empty
  std::vector<stored_file> program; ///< one; workers fetch it from the master
  std::vector<stored_file> files;   ///< put beside the program
  std::string launch;               ///< an encoded executor_launch, the same for all its executors
};

/// How far an application has come, as its driver counts.
struct application_progress {
  std::uint32_t jobs_active = 0;
  std::uint64_t jobs_done = 0;
  std::uint64_t jobs_failed = 0; ///< of the jobs done
  std::uint32_t stages_active = 0;
  std::uint32_t tasks_active = 0;
  std::uint64_t tasks_done = 0;
  std::uint64_t tasks_total = 0; ///< of stages that have begun
};

/// From a driver: what it is and wants.
struct application_report {
  static constexpr const char* wire_name = "salamander.application_report";
  std::uint32_t protocol = cluster_protocol_version;
  std::string token; ///< 32 hex digits chosen at random: the same application when it comes again
  std::string id;    ///< as granted; empty at first
  std::uint64_t sequence = 0;
  std::uint32_t executors_max = no_limit;         ///< it wants no more at present (dynamic allocation)
  std::vector<std::uint32_t> released;            ///< executors that shall end
  std::vector<std::uint32_t> leaving;             ///< executors that shall hand over what they have, then end
  std::vector<std::uint32_t> buried;              ///< ended ones of which it knows
  std::vector<application_description> described; ///< one, when it is introduced: at first and when asked; else none
  application_progress progress;
  template <class F>
  void fields(F&& f) {
    f(protocol, token, id, sequence, executors_max, released, leaving, buried, described, progress);
  }
};

struct granted_executor {
  std::uint32_t executor = 0; ///< numbers are never used twice within an application
  std::uint64_t incarnation = 0;
  std::string worker;
  std::string host;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  bool leaving = false;
  process_state state = process_state::starting;
  process_end end = process_end::none;
  std::string reason;
  std::string positions;
};

/// To a driver: the executors that it has, and those that ended and that it has not buried yet.
struct application_grants {
  static constexpr const char* wire_name = "salamander.application_grants";
  std::uint64_t term = 0;
  std::uint64_t sequence = 0;
  bool recovering = false;          ///< lists mean nothing
  bool introduce = false;           ///< send the description with the next report
  std::string id;                   ///< "app-20261121225500-0003"
  std::string ended;                ///< why the application is over for the master: killed, or its executors fail again and again
  std::vector<stored_file> missing; ///< of its program and files: send them
  std::vector<granted_executor> executors;
  std::uint32_t workers = 0;    ///< alive, for messages to people
  std::uint32_t cores_free = 0; ///< on all of them
  template <class F>
  void fields(F&& f) {
    f(term, sequence, recovering, introduce, id, ended, missing, executors, workers, cores_free);
  }
};

/// From a driver: it is over.
struct application_ended {
  static constexpr const char* wire_name = "salamander.application_ended";
  std::string token;
  bool succeeded = true;
  std::string reason;
  template <class F>
  void fields(F&& f) {
    f(token, succeeded, reason);
  }
};

// -- submitter and master -----------------------------------------------------

struct driver_description {
  std::string name;
  std::string user;
  std::uint32_t cores = 1;
  std::uint64_t memory_bytes = 0;
  bool supervise = false;           ///< start it again, here or elsewhere, when it does not end well
  std::vector<stored_file> program; ///< one
  std::vector<stored_file> files;
  std::string launch; ///< an encoded driver_launch
};

enum class driver_state : std::uint8_t { submitted, running, relaunching, finished, failed, killed, error };
enum class application_state : std::uint8_t { waiting, running, finished, failed, killed };
enum class worker_state : std::uint8_t { alive, silent, leaving, left, dead };
enum class master_state : std::uint8_t { standby, recovering, leading };

const char* text_of(driver_state state) noexcept;
const char* text_of(application_state state) noexcept;
const char* text_of(worker_state state) noexcept;
const char* text_of(master_state state) noexcept;

struct worker_summary {
  std::string worker;
  std::string host;
  worker_state state = worker_state::alive;
  std::uint32_t cores = 0;
  std::uint32_t cores_used = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_used_bytes = 0;
  std::uint64_t silent_ms = 0; ///< since its last report
};

struct executor_summary {
  std::string application;
  std::uint32_t executor = 0;
  std::string worker;
  std::string host;
  std::uint32_t cores = 0;
  process_state state = process_state::starting;
};

struct application_summary {
  std::string id;
  std::string name;
  std::string user;
  application_state state = application_state::waiting;
  std::uint32_t executors = 0;
  std::uint32_t cores = 0;
  std::uint64_t executor_memory_bytes = 0;
  std::int64_t submitted_at = 0; ///< seconds since 1970
  std::int64_t ended_at = 0;     ///< 0: it has not
  std::string reason;
  std::string submitted_as; ///< the driver's id when it runs on the cluster itself, else empty
  application_progress progress;
};

struct driver_summary {
  std::string driver;
  std::string name;
  std::string user;
  driver_state state = driver_state::submitted;
  std::string worker; ///< where it runs or ran last
  std::uint32_t attempts = 0;
  std::int32_t exit_code = 0;
  bool supervise = false;
  std::int64_t submitted_at = 0;
  std::int64_t ended_at = 0;
  std::string reason;
};

/// What `salamander status` shows.
struct cluster_summary {
  master_state state = master_state::standby;
  std::string master; ///< host:port
  std::uint64_t term = 0;
  std::vector<worker_summary> workers;
  std::vector<application_summary> applications; ///< those that are not over, then the newest ended ones
  std::vector<executor_summary> executors;
  std::vector<driver_summary> drivers;
};

} // namespace salamander::scheduler::cluster
