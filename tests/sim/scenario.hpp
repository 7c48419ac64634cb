// All that a seed decides before a run begins: the cluster, its settings, the program, and what goes wrong when.
#pragma once

#include "event_queue.hpp"
#include "graph.hpp"

#include <salamander/scheduler/channel.hpp>
#include <salamander/scheduler/driver_scheduler.hpp>
#include <salamander/scheduler/restart_policy.hpp>

#include <optional>
#include <string>
#include <vector>

namespace salamander::sim {

enum class fault_kind : std::uint8_t {
  kill,           ///< SIGKILL for an executor
  pause,          ///< SIGSTOP, and SIGCONT after a time
  cut,            ///< nothing passes between an executor and everybody else
  one_way_cut,    ///< only what the executor sends, or only what it is sent, is lost
  delay,          ///< what an executor sends and gets is late
  reset,          ///< the connections of an executor end
  drop,           ///< some of the messages of an executor are lost
  duplicate,      ///< some come twice
  reorder,        ///< some are late, and so come after others that were sent later
  corrupt_block,  ///< a bit of what an executor answers to readers changes on its way
  corrupt_stored, ///< a bit of a block that an executor holds as bytes changes
  delete_block,   ///< blocks of an executor are gone
  allocation,     ///< std::bad_alloc in the next tasks of an executor
  pressure,       ///< most of an executor's memory is in use for a time
  slow,           ///< everything an executor does takes a multiple of the time
  user_error,     ///< the function of a dataset throws in one partition, so many times
  poison,         ///< it ends its process there
  disk,           ///< the disk refuses writes of output files for a time
  start_failure,  ///< processes of a slot end before they register
  hung_start,     ///< a process of a slot starts and never registers
  driver_pause,   ///< the driver is stopped for a time: a watcher's clock that jumps
  old_order,      ///< an executor gets a task again that it was sent before
  old_report,     ///< a report that was dealt with, or came from an executor that is dead, reaches the scheduler again
  driver_restart, ///< the driver is killed; the program begins anew
  broken_lineage, ///< the program submits a job over a dataset that does not say what its partitions are made from
  departure,      ///< an executor is asked to leave, and killed after a time if it has not
  count_
};
std::string_view name_of(fault_kind kind) noexcept;

struct planned_fault {
  fault_kind kind = fault_kind::kill;
  duration at{0};
  duration lasts{0};
  std::uint32_t slot = 0;   ///< whose executor
  std::uint32_t amount = 0; ///< percent, factor, times; see faults.cpp
  std::uint32_t dataset = 0;
  std::uint32_t partition = 0;
  std::uint64_t salt = 0; ///< for what else the fault draws

  std::string text() const;
};

enum class job_action : std::uint8_t {
  collect,
  count,
  save,
  foreach ///< has effects of its own: what has run must not run again
};

struct planned_job {
  std::uint32_t dataset = 0; ///< index in the graph
  std::vector<std::uint32_t> partitions;
  job_action what = job_action::collect;
  duration at{0};
  std::optional<duration> cancel_at;
  std::string pool;

  std::string text(const std::vector<dataset_ptr>& graph) const;
};

/// What a program does with its datasets besides jobs.
struct planned_release {
  bool shuffle = false; ///< release the shuffle `id`; else unpersist the dataset `id`
  std::uint32_t id = 0;
  duration at{0};
};

struct cluster_settings {
  std::uint32_t slots = 2;
  std::uint32_t cores = 1;
  std::uint32_t slots_of_each() const noexcept { ///< tasks that an executor runs at once
    return cores / scheduler.task_cpus;
  }
  std::uint32_t hosts = 1;
  std::uint64_t memory_bytes = 0; ///< of each executor; 0: no limit
  scheduler::scheduler_options scheduler;
  scheduler::restart_policy::limits restarts;
  scheduler::channel_limits channel;
  duration heartbeat = std::chrono::seconds(1);
  duration suspect_after = std::chrono::seconds(3);
  duration dead_after = std::chrono::seconds(5);
  duration order_deadline = std::chrono::seconds(10);
  duration register_timeout = std::chrono::seconds(30);
  duration latency_max = std::chrono::milliseconds(2); ///< of a message
  duration task_time = std::chrono::milliseconds(50);  ///< typical
  std::uint64_t direct_result_bytes_max = 256 << 10;
  bool plans_as_blocks = false;
  bool fingerprints = true;        ///< map outputs say what is in them
  bool parent_death_signal = true; ///< executors are killed when their driver dies; else they notice
  std::uint32_t fetch_attempts_max = 3;
  duration fetch_retry_wait = std::chrono::milliseconds(100);
  duration fetch_silence_max = std::chrono::seconds(2);
};

struct scenario {
  std::uint64_t seed = 0;
  cluster_settings settings;
  graph_shape shape;
  std::vector<std::uint32_t> barriers; ///< ids of datasets whose stages run all their tasks together
  std::vector<dataset_ptr> graph;
  std::vector<planned_job> jobs;
  std::vector<planned_release> releases;
  std::vector<planned_fault> faults;
  /// Exactly one executor is killed and nothing else happens: what is run again can be counted.
  bool single_loss = false;
  /// With `single_loss`: that executor is asked to leave instead, and has all the time it needs. Then nothing is run again.
  bool single_departure = false;
  /// Much of what is lost comes back with other contents.
  bool shifting = false;

  /// The same datasets are new objects: a run changes nothing that another one sees.
  std::string text() const;
};

scenario make_scenario(std::uint64_t seed);
/// New objects for the same datasets: what one run does to them no other one sees.
std::vector<dataset_ptr> graph_of(const scenario& what);

} // namespace salamander::sim
