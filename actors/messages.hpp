// Everything that actors tell each other. Past tense: a fact; imperative: a request.
//
// Messages with a wire_name may leave the process and have a stable encoding; the others are pointers and promises within it.
#pragma once

#include <salamander/actors/caf.hpp>
#include <salamander/actors/handover_messages.hpp>
#include <salamander/actors/jobs.hpp>
#include <salamander/actors/recovery/kept_inputs.hpp>
#include <salamander/rdd/code.hpp>
#include <salamander/scheduler/channel.hpp>
#include <salamander/scheduler/cluster/protocol.hpp>

#include <future>

namespace salamander::actors {

/// Raised with every change of the messages below; both sides of a connection must have the same.
inline constexpr std::uint32_t protocol_version = 5;

// -- driver to executor -------------------------------------------------------
// What changes the executor's state is an order; between processes orders are numbered (numbered_order), and so survive whatever
// happens to them on the way. The others may be lost or repeated without harm.

struct run_stage {
  static constexpr const char* wire_name = "salamander.run_stage";
  stage_order order;
  template <class F>
  void fields(F&& f) {
    f(order);
  }
  std::size_t wire_bytes() const {
    return wire::size_of(order);
  }
};

struct run_tasks {
  static constexpr const char* wire_name = "salamander.run_tasks";
  static constexpr std::size_t tasks_max = 16384;
  std::vector<task_order> tasks;
  std::vector<core::armed_fault> faults = {}; ///< that some of the tasks, of this message or the next ones, shall suffer
  template <class F>
  void fields(F&& f) {
    f(tasks, faults);
  }
  std::size_t wire_bytes() const {
    return 16 + tasks.size() * sizeof(task_order) + faults.size() * fault_bytes_max;
  }
  static constexpr std::size_t faults_max = 1000;
  static constexpr std::size_t fault_bytes_max = 512;
};

struct cancel_attempts {
  static constexpr const char* wire_name = "salamander.cancel_attempts";
  static constexpr std::size_t tasks_max = 65536;
  std::vector<std::uint64_t> tasks;
  template <class F>
  void fields(F&& f) {
    f(tasks);
  }
  std::size_t wire_bytes() const {
    return 16 + tasks.size() * 8;
  }
};

struct forget_stage {
  static constexpr const char* wire_name = "salamander.forget_stage";
  std::uint32_t stage = 0;
  template <class F>
  void fields(F&& f) {
    f(stage);
  }
};

struct drop_dataset {
  static constexpr const char* wire_name = "salamander.drop_dataset";
  std::uint32_t dataset = 0;
  std::uint64_t token = 0; ///< comes back in dataset_dropped
  template <class F>
  void fields(F&& f) {
    f(dataset, token);
  }
};

struct drop_shuffle {
  static constexpr const char* wire_name = "salamander.drop_shuffle";
  std::uint32_t shuffle = 0;
  template <class F>
  void fields(F&& f) {
    f(shuffle);
  }
};

struct drop_result {
  static constexpr const char* wire_name = "salamander.drop_result";
  static constexpr std::uint32_t no_shuffle = 0xffffffff;
  std::uint64_t task = 0;
  std::uint32_t shuffle = no_shuffle; ///< else the task was a map task, and its output is not wanted
  std::uint32_t map_partition = 0;
  template <class F>
  void fields(F&& f) {
    f(task, shuffle, map_partition);
  }
};

struct drop_broadcast {
  static constexpr const char* wire_name = "salamander.drop_broadcast";
  std::uint32_t broadcast = 0;
  std::uint64_t token = 0; ///< comes back in dataset_dropped
  std::string destroyed;   ///< what to say to tasks that ask for it; empty: it may be fetched again
  template <class F>
  void fields(F&& f) {
    f(broadcast, token, destroyed);
  }
  std::size_t wire_bytes() const {
    return 32 + destroyed.size();
  }
};

/// Where others serve their blocks on other machines; comes before any task that fetches from them.
struct meet_peers {
  static constexpr const char* wire_name = "salamander.meet_peers";
  static constexpr std::size_t peers_max = 4096;
  std::vector<peer_place> peers;
  template <class F>
  void fields(F&& f) {
    f(peers);
  }
  std::size_t wire_bytes() const {
    std::size_t bytes = 16;
    for (const auto& one : peers)
      bytes += 16 + one.host.size();
    return bytes;
  }
};

/// Tasks that wait at a barrier go on, or fail.
struct barrier_passed {
  static constexpr const char* wire_name = "salamander.barrier_passed";
  barrier_answer answer;
  template <class F>
  void fields(F&& f) {
    f(answer.tasks, answer.epoch, answer.gathered, answer.error);
  }
  std::size_t wire_bytes() const {
    std::size_t bytes = 32 + answer.tasks.size() * 10 + answer.error.size();
    for (const auto& one : answer.gathered)
      bytes += 8 + one.size();
    return bytes;
  }
};

/// The executor's process ends.
struct leave {
  static constexpr const char* wire_name = "salamander.leave";
  std::string reason;
  template <class F>
  void fields(F&& f) {
    f(reason);
  }
};

/// The answer to a registration that is accepted; its sender is the executor's link.
struct welcome {
  static constexpr const char* wire_name = "salamander.welcome";
  std::uint32_t executor = 0;
  template <class F>
  void fields(F&& f) {
    f(executor);
  }
};

/// The answer to a registration that is not.
struct refused {
  static constexpr const char* wire_name = "salamander.refused";
  std::string text;
  template <class F>
  void fields(F&& f) {
    f(text);
  }
};

struct heartbeat_seen {
  static constexpr const char* wire_name = "salamander.heartbeat_seen";
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  scheduler::channel_state line; ///< what has arrived of the executor's numbered reports
  template <class F>
  void fields(F&& f) {
    f(incarnation, sequence, line);
  }
};

using any_order = std::variant<run_stage, run_tasks, cancel_attempts, forget_stage, drop_dataset, drop_shuffle, drop_result, drop_broadcast,
                               barrier_passed, meet_peers, take_blocks>;
using order_pointer = std::shared_ptr<const any_order>;

/// An upper bound on what a message takes on the wire.
template <class... Messages>
std::size_t wire_bytes_of(const std::variant<Messages...>& one) {
  return std::visit(
      [](const auto& message) -> std::size_t {
        if constexpr (requires { message.wire_bytes(); })
          return message.wire_bytes();
        else
          return 32;
      },
      one);
}

struct numbered_order {
  static constexpr const char* wire_name = "salamander.numbered_order";
  scheduler::parcel<order_pointer> what;
  template <class F>
  void fields(F&& f) {
    f(what.incarnation, what.number, what.state, what.message);
  }
  std::size_t wire_bytes() const {
    return envelope_bytes_max + wire_bytes_of(*what.message);
  }
};

// -- executor to driver -------------------------------------------------------
// Each carries the incarnation: a random number that the driver gave to this one process.

struct register_executor {
  static constexpr const char* wire_name = "salamander.register_executor";
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::int64_t process = 0;
  std::uint32_t protocol = protocol_version;
  std::uint32_t cores = 0;
  std::vector<core::code_module> modules;
  peer_place blocks = {}; ///< port 0: it serves its blocks on this machine only
  template <class F>
  void fields(F&& f) {
    f(executor, incarnation, process, protocol, cores, modules, blocks);
  }
};

struct heartbeat {
  static constexpr const char* wire_name = "salamander.heartbeat";
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  std::uint32_t running_tasks = 0;
  std::uint64_t finished_tasks = 0;
  std::uint64_t cached_bytes = 0;
  scheduler::channel_state line; ///< what has arrived of the driver's numbered orders
  template <class F>
  void fields(F&& f) {
    f(executor, incarnation, sequence, running_tasks, finished_tasks, cached_bytes, line);
  }
};

struct tasks_reported {
  static constexpr const char* wire_name = "salamander.tasks_reported";
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::vector<task_report> reports;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> evicted; ///< (dataset, partition)
  std::vector<core::fault_note> faults = {};                    ///< injected ones that happened before these reports
  std::vector<cached_contribution> contributed = {};            ///< before these reports
  template <class F>
  void fields(F&& f) {
    f(executor, incarnation, reports, evicted, faults, contributed);
  }
  std::size_t wire_bytes() const {
    std::size_t bytes = 64 + evicted.size() * 8 + faults.size() * run_tasks::fault_bytes_max;
    for (const auto& report : reports)
      bytes += wire::size_of(report);
    for (const auto& one : contributed)
      bytes += wire::size_of(one);
    return bytes;
  }
};

struct dataset_dropped {
  static constexpr const char* wire_name = "salamander.dataset_dropped";
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t token = 0;
  template <class F>
  void fields(F&& f) {
    f(executor, incarnation, token);
  }
};

/// A task waits at a barrier: for barrier_passed, or to be cancelled.
struct barrier_reached {
  static constexpr const char* wire_name = "salamander.barrier_reached";
  std::uint32_t executor = 0;
  std::uint64_t incarnation = 0;
  barrier_arrival arrival;
  template <class F>
  void fields(F&& f) {
    f(executor, incarnation, arrival.task, arrival.epoch, arrival.gathers, arrival.text);
  }
  std::size_t wire_bytes() const {
    return 64 + arrival.text.size();
  }
};

using any_report = std::variant<tasks_reported, dataset_dropped, barrier_reached, blocks_taken>;
using report_pointer = std::shared_ptr<const any_report>;

struct numbered_report {
  static constexpr const char* wire_name = "salamander.numbered_report";
  scheduler::parcel<report_pointer> what;
  template <class F>
  void fields(F&& f) {
    f(what.incarnation, what.number, what.state, what.message);
  }
  std::size_t wire_bytes() const {
    return envelope_bytes_max + wire_bytes_of(*what.message);
  }
};

// -- either way ---------------------------------------------------------------

/// What has arrived, when nothing else is to be said that would carry it.
struct messages_seen {
  static constexpr const char* wire_name = "salamander.messages_seen";
  std::uint64_t incarnation = 0;
  scheduler::channel_state line;
  template <class F>
  void fields(F&& f) {
    f(incarnation, line);
  }
};

// -- within one process -------------------------------------------------------

/// What an executor wants from the driver: the part of the executor's interface that the scheduler uses.
using executor_port =
    caf::typed_actor<caf::reacts_to<run_stage>, caf::reacts_to<run_tasks>, caf::reacts_to<cancel_attempts>, caf::reacts_to<forget_stage>,
                     caf::reacts_to<drop_dataset>, caf::reacts_to<drop_shuffle>, caf::reacts_to<drop_result>, caf::reacts_to<drop_broadcast>,
                     caf::reacts_to<barrier_passed>, caf::reacts_to<meet_peers>, caf::reacts_to<take_blocks>, caf::reacts_to<leave>>;

/// Where a core of a dead executor was, as its process left it in shared memory.
struct stuck_task {
  std::uint64_t task = 0;
  std::uint32_t dataset = 0;
  std::uint32_t partition = 0;
  std::uint64_t record = 0;
};

struct submit_job {
  std::shared_ptr<job_record> job;
  kept_inputs kept = {};
};
struct cancel_job {
  std::uint32_t job = 0;
  std::string reason;
};
struct cancel_all_jobs {
  std::string reason;
};
struct executor_ready {
  std::uint32_t executor = 0;
  std::uint32_t cores = 0;
  std::int64_t process = 0;
  executor_port port;
  std::string host{};  ///< empty: unknown
  peer_place blocks{}; ///< port 0: on this machine only
};
/// The process is known to be dead.
struct executor_gone {
  std::uint32_t executor = 0;
  std::string reason;
  std::optional<std::vector<stuck_task>> positions; ///< where its tasks were; without value: not known
};
/// It is to leave, and hands over what it holds before.
struct executor_leaves {
  std::uint32_t executor = 0;
  std::string reason;
};
struct executor_silent {
  std::uint32_t executor = 0;
  bool silent = false; ///< false: it spoke again
};
/// None will ever come.
struct executors_given_up {
  std::string reason;
};
/// A report whose result had to be fetched; its outcome is a success with the bytes, or an error.
struct result_fetched {
  std::uint32_t executor = 0;
  task_report report;
};
struct unpersist_dataset {
  std::uint32_t dataset = 0;
  std::shared_ptr<std::promise<void>> done; ///< null: nobody waits
};
struct release_shuffle {
  std::uint32_t shuffle = 0;
};
struct forget_broadcast {
  std::uint32_t broadcast = 0;
  std::string destroyed;                    ///< see drop_broadcast
  std::shared_ptr<std::promise<void>> done; ///< kept when executors have dropped it
};
struct count_cached {
  std::uint32_t dataset = 0;
  std::shared_ptr<std::promise<std::uint32_t>> answer;
};
struct wake {};
/// Fails running jobs, then the actor ends.
struct shut_down {};

struct reports_waiting {};
struct beat {};

/// A link will not talk to its executor any more.
struct link_lost {
  std::uint32_t executor = 0;
  std::string reason;
  bool connection_ended = false; ///< else the executor was silent for too long
};
/// From the scheduler: this executor shall end and be replaced.
struct kill_executor {
  std::uint32_t executor = 0;
  std::string reason;
  bool released = false; ///< it was asked to end, and holds nothing that anybody needs
};
/// So many executors are wanted at present, those that leave not counted.
struct executors_wanted {
  std::uint32_t executors = 0;
};
/// A link shall refuse whatever comes.
struct fence {};
/// A link shall welcome its executor, which has registered again: as this actor, perhaps over another connection.
struct greet {
  caf::strong_actor_ptr remote;
};
/// Whether the process of an executor without a connection has certainly ended.
struct found_ended {
  bool ended = false;
};
/// The executor's process has connected to its driver again.
struct driver_found {
  caf::strong_actor_ptr door;
};
/// A message that a link held back on purpose; see message_filter.
struct held_message {
  std::variant<heartbeat, numbered_report, messages_seen> what;
};
struct process_ended {
  std::uint32_t executor = 0;
  std::string reason;
};
struct restart_due {
  std::uint32_t slot = 0;
};
struct check_time {};
/// What the contact to a cluster's masters has found, lost or heard.
struct master_event {
  std::shared_ptr<const scheduler::cluster::application_grants> grants; ///< null: see `connected`
  bool connected = false;
};

} // namespace salamander::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::submit_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::cancel_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::cancel_all_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::executor_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::executor_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::executor_silent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::executor_leaves)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::executors_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::executors_given_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::result_fetched)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::unpersist_dataset)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::release_shuffle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::forget_broadcast)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::count_cached)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::shut_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::reports_waiting)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::beat)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::link_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::kill_executor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::fence)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::greet)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::found_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::driver_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::held_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::process_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::restart_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::check_time)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::master_event)

CAF_BEGIN_TYPE_ID_BLOCK(salamander, first_custom_type_id)
CAF_ADD_TYPE_ID(salamander, (salamander::actors::run_stage))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::run_tasks))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::cancel_attempts))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::forget_stage))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::drop_dataset))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::drop_shuffle))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::drop_result))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::leave))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::welcome))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::refused))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::heartbeat_seen))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::register_executor))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::heartbeat))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::tasks_reported))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::dataset_dropped))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::numbered_order))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::numbered_report))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::messages_seen))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::drop_broadcast))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::meet_peers))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::barrier_passed))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::barrier_reached))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::take_blocks))
CAF_ADD_TYPE_ID(salamander, (salamander::actors::blocks_taken))
CAF_END_TYPE_ID_BLOCK(salamander)
