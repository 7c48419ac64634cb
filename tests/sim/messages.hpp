// What a simulated driver and its executors tell each other: the messages of actors/messages.hpp as the state machines see them.
#pragma once

#include "dataset.hpp"
#include "scenario.hpp"

#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/executor_session.hpp>

#include <variant>

namespace salamander::sim {

using scheduler::executor_id;
using scheduler::job_id;
using scheduler::shuffle_id;
using scheduler::stage_id;
using scheduler::task_id;

/// What the tasks of one attempt of a stage need.
struct stage_order {
  stage_id stage;
  std::uint32_t stage_attempt = 0;
  scheduler::driver_scheduler::stage_program program;
  scheduler::driver_scheduler::stage_inputs inputs;
  job_action what = job_action::collect; ///< result stages
  std::string path;                      ///< of a save
  bool plan_is_block = false;            ///< fetch it from the driver before anything runs
};

struct task_order {
  std::uint64_t task = 0;
  std::uint32_t stage = 0;
  std::uint32_t stage_attempt = 0;
  std::uint32_t partition = 0;
  std::uint32_t attempt = 0;
  bool careful = false;
  std::uint64_t ordered_at = 0; ///< as block_store::drops counts; set by the executor
};

// -- driver to executor
struct run_stage {
  std::shared_ptr<const stage_order> order;
};
struct run_tasks {
  std::vector<task_order> tasks;
};
struct cancel_attempts {
  std::vector<std::uint64_t> tasks;
};
struct forget_stage {
  std::uint32_t stage = 0;
};
struct drop_dataset {
  std::uint32_t dataset = 0;
};
struct drop_shuffle {
  std::uint32_t shuffle = 0;
};
struct drop_map_output {
  std::uint32_t shuffle = 0;
  std::uint32_t map = 0;
};
struct drop_result {
  std::uint64_t task = 0;
};
struct leave {};
/// Blocks of an executor that leaves are to be kept here.
struct take_blocks {
  executor_id from;
  std::vector<scheduler::moving_block> blocks;
};

/// Numbered by the driver, so that it can be seen that each arrives once and in its turn, whatever the line does.
struct order {
  std::uint64_t number = 0;
  std::variant<run_stage, run_tasks, cancel_attempts, forget_stage, drop_dataset, drop_shuffle, drop_map_output, drop_result, leave,
               take_blocks>
      what;

  std::size_t bytes() const;
};

// -- executor to driver
struct task_success {
  std::shared_ptr<const byte_buffer> result; ///< null: a map task, or the result is kept at the executor
  bool kept = false;
  std::string file; ///< of a save: where this attempt's output is
  std::uint64_t result_bytes = 0;
  std::uint64_t output_fingerprint = 0;
};
struct task_report {
  std::uint64_t task = 0;
  std::variant<task_success, scheduler::failure> outcome;
  std::chrono::microseconds run_time{0};
  std::vector<scheduler::cached_block> cached;
};
struct report {
  std::uint64_t number = 0; ///< as in order
  std::vector<task_report> tasks;
  std::vector<scheduler::cached_block> evicted;
  std::vector<std::pair<std::uint64_t, scheduler::move_outcome>> moved;

  std::size_t bytes() const;
};

inline std::size_t order::bytes() const {
  const auto* launch = std::get_if<run_tasks>(&what);
  return launch ? 16 + launch->tasks.size() * 32 : 64;
}
inline std::size_t report::bytes() const {
  std::size_t sum = 64 + evicted.size() * 8 + moved.size() * 12;
  for (const auto& one : tasks)
    sum += 96 + (std::holds_alternative<task_success>(one.outcome) && std::get<task_success>(one.outcome).result
                     ? std::get<task_success>(one.outcome).result->size()
                     : 0);
  return sum;
}

using executor_session = scheduler::executor_session<order, report>;
using driver_session = scheduler::driver_session<order, report>;

// -- around the sessions
struct register_executor {
  executor_id executor;
  std::uint64_t incarnation = 0;
  std::int64_t process = 0;
  std::uint32_t cores = 0;
};
struct welcome {};
struct refused {};
/// To an executor whose session is over.
struct leave_now {};
struct session_state {
  std::uint64_t incarnation = 0;
  scheduler::channel_state state;
};
struct beat_message {
  executor_id executor;
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  scheduler::channel_state state;
};
struct order_parcel {
  scheduler::parcel<order> what;
};
struct report_parcel {
  executor_id executor;
  scheduler::parcel<report> what;
};
struct state_from_executor {
  executor_id executor;
  session_state state;
};

/// A message on the link between two processes.
using control = std::variant<register_executor, welcome, refused, leave_now, session_state, beat_message, order_parcel, report_parcel,
                             state_from_executor>;

} // namespace salamander::sim
