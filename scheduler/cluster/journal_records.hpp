// What a master writes down so that the next one can go on: what nobody's report would bring back.
#pragma once

#include <salamander/scheduler/cluster/protocol.hpp>

#include <variant>

namespace salamander::scheduler::cluster {

/// Numbers of identifiers that are used up. Said at the head of a snapshot; each record of a new identifier says its own.
struct numbers_used {
  std::uint64_t applications = 0; ///< the next application's number
  std::uint64_t drivers = 0;
};

/// A new master waits for these workers, for a short time.
struct worker_joined {
  std::string worker;
  std::string host;
};
struct worker_gone {
  std::string worker;
};

struct application_joined {
  std::uint64_t number = 0;
  std::string id;
  std::string token;
  std::string name;
  std::string user;
  std::string submitted_as;
  std::int64_t submitted_at = 0;
};
/// Executors of this application may have all numbers below.
struct executors_numbered {
  std::string application;
  std::uint32_t below = 0;
};
struct application_over {
  std::string application;
  application_state state = application_state::finished;
  std::string reason;
  std::int64_t ended_at = 0;
};

/// The description is without its launch bytes: they hold settings and environment, and are kept elsewhere.
struct driver_accepted {
  std::uint64_t number = 0;
  std::string driver;
  std::string token;
  driver_description what;
  std::int64_t submitted_at = 0;
};
struct driver_placed {
  std::string driver;
  std::uint32_t attempt = 0;
  std::string worker;
};
/// A worker could not start it, and others are tried.
struct driver_not_started {
  std::string driver;
  std::uint32_t attempt = 0;
  std::string worker;
  std::string reason;
};
struct driver_kill_asked {
  std::string driver;
  std::string reason;
};
struct driver_over {
  std::string driver;
  driver_state state = driver_state::finished;
  std::int32_t exit_code = 0;
  std::string reason;
  std::int64_t ended_at = 0;
};

using journal_record = std::variant<numbers_used, worker_joined, worker_gone, application_joined, executors_numbered, application_over,
                                    driver_accepted, driver_placed, driver_kill_asked, driver_over, driver_not_started>;

} // namespace salamander::scheduler::cluster
