// What happens to one simulated cluster: all of it follows from the seed.
#pragma once

#include "../event_queue.hpp"
#include "../random.hpp"

#include <string>
#include <vector>

namespace salamander::sim::cluster {

using namespace std::chrono_literals;

enum class fault_kind : std::uint8_t {
  kill_master,
  stop_master,  ///< SIGSTOP and SIGCONT
  pause_inside, ///< a leader is stopped between looking at its lease and answering
  torn_append,  ///< a leader dies while it writes to its journal
  slow_lease,   ///< the lease's lock or disk takes its time
  kill_worker,
  stop_worker,
  leave_worker, ///< SIGTERM
  kill_process, ///< an executor, or a driver on the cluster
  kill_client,
  stop_client,
  cut,
  cut_incoming,
  cut_outgoing,
  reset, ///< a machine's connections end
  ask_to_kill,
  count_
};
std::string_view name_of(fault_kind kind) noexcept;

struct planned_fault {
  fault_kind kind = fault_kind::cut;
  duration at{};
  duration lasts{};
  std::uint32_t who = 0;

  std::string text() const;
};

struct planned_submission {
  duration at{};
  duration works{};
  std::uint32_t failures = 0; ///< attempts that end badly before one ends well; without supervision the first one counts
  bool supervise = false;
};

struct planned_client {
  duration at{};
  duration works{}; ///< zero: longer than the run
  std::uint32_t cores_max = 2;
};

struct plan {
  std::uint64_t seed = 0;
  std::uint32_t masters = 2;
  std::uint32_t workers = 3;
  std::uint32_t worker_cores = 4;
  bool masters_together = false; ///< on one machine: the death of a leader is seen at once
  bool fair = false;
  bool spread_out = true;
  std::uint32_t lost_percent = 0;
  std::uint32_t repeated_percent = 0;
  duration delay_max = 20ms;
  duration disturbed = 60s; ///< then all is healed
  std::vector<planned_client> clients;
  std::vector<planned_submission> submissions;
  std::vector<planned_fault> faults;

  std::string text() const;
};

plan make_plan(std::uint64_t seed);

} // namespace salamander::sim::cluster
