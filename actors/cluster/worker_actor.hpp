// The actor of a worker: brings its state machine together with masters, files and processes.
#pragma once

#include <salamander/actors/cluster/messages.hpp>
#include <salamander/actors/cluster/worker_processes.hpp>

#include <functional>
#include <memory>

namespace salamander::actors {

// -- within the worker's process ----------------------------------------------

struct master_connected {
  master_door door;
};
struct process_began {
  scheduler::cluster::process_key process;
};
struct process_over {
  run_end end;
};
struct stop_worker {};
struct clean_up {};

/// What masters say (worker_line), and what happens here.
using worker_actor =
    caf::typed_actor<caf::reacts_to<not_leading>, caf::reacts_to<cluster::worker_orders>, caf::reacts_to<piece>, caf::reacts_to<read_log>,
                     caf::reacts_to<master_connected>, caf::reacts_to<process_began>, caf::reacts_to<process_over>,
                     caf::reacts_to<check_time>, caf::reacts_to<clean_up>, caf::reacts_to<stop_worker>>;

struct worker_setup {
  scheduler::cluster::worker_machine::limits limits;
  std::string proof;
  std::shared_ptr<worker_files> files;
  worker_surroundings around;
  log_limits logs;
  std::chrono::seconds kept_for{7 * 24 * 3600}; ///< logs and programs that nobody uses
  std::chrono::seconds clean_every{30 * 60};
  std::function<void(const std::string& hint)> seek; ///< master_connected comes when there is one
  std::function<void()> registered;
  std::function<void(int exit_code, const std::string& reason)> ended; ///< nothing runs any more
};

/// On a thread of its own: it writes files. Errors: of worker_files, when the directory cannot be used.
worker_actor spawn_worker(caf::actor_system& system, const worker_setup& setup);

} // namespace salamander::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::master_connected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::process_began)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::process_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::stop_worker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::clean_up)
