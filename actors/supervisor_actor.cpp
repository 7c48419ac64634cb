#include <salamander/actors/supervisor_actor.hpp>

#include <salamander/actors/executor_actor.hpp>
#include <salamander/actors/log.hpp>

#include <fmt/format.h>

#include <map>
#include <random>

namespace salamander::actors {

void start_outcome::succeed() {
  const std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify_all();
}

void start_outcome::fail(errc code, std::string text) {
  const std::lock_guard lock(mutex_);
  if (!done_ && !failure_)
    failure_.emplace(code, std::move(text));
  changed_.notify_all();
}

void start_outcome::wait(std::chrono::milliseconds time, const std::function<std::string()>& describe) {
  std::unique_lock lock(mutex_);
  const bool over = changed_.wait_for(lock, time, [&] { return done_ || failure_; });
  if (failure_)
    throw error(*failure_);
  if (!over) {
    lock.unlock();
    core::throw_error(errc::no_executors, describe());
  }
}

namespace {

using machine = scheduler::executor_supervisor;
using scheduler::executor_id;

/// What there is of one executor that was ordered and is not buried.
struct executor_entry {
  std::uint64_t incarnation = 0;
  executor_link link; ///< set while it is registered
  std::optional<position_table> positions;
  std::filesystem::path spec_file;
};

struct supervisor_state {
  supervisor_setup setup;
  std::optional<machine> decisions;
  std::map<std::uint32_t, executor_entry> executors;
  executor_actor registering; ///< who sent the registration that is being handled
  peer_place registering_at;  ///< where it serves its blocks
};

using supervisor_self = supervisor_actor::stateful_pointer<supervisor_state>;

std::uint64_t random_number() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) | source();
}

std::string explain(const std::string& reason) {
  for (const auto& [code, meaning] :
       {std::pair{exit_bad_spec, "it could not read its orders"}, std::pair{exit_no_connection, "it could not connect to its driver"},
        std::pair{exit_driver_gone, "it had lost its driver"},
        std::pair{exit_task_stuck, "it ended itself: a task did not stop within salamander.task.killGrace when its time was over"}})
    if (reason == fmt::format("exited with code {}", code))
      return fmt::format("{} ({})", reason, meaning);
  return reason;
}

std::optional<std::vector<stuck_task>> read_positions(const executor_entry& one) {
  if (!one.positions)
    return std::nullopt;
  std::vector<stuck_task> all;
  for (const auto& position : *one.positions)
    if (const auto task = position.task.load(); task != 0)
      all.push_back({task, position.dataset.load(), position.partition.load(), position.record.load()});
  return all;
}

// -- what was decided ---------------------------------------------------------

void perform(supervisor_self self, const machine::start_process& what) {
  auto& state = self->state;
  auto spec = state.setup.spec;
  spec.driver_port = *state.setup.port;
  spec.executor = what.executor.value;
  spec.incarnation = what.incarnation;
  auto& one = state.executors[spec.executor];
  one.incarnation = what.incarnation;
  try {
    one.positions.emplace(position_table::create(spec.positions_file(), spec.cores));
    one.spec_file = write_spec(spec);
  } catch (const error& failure) {
    self->send(self, process_ended{spec.executor, failure.what()});
    return;
  }
  process_order order{spec.executor, state.setup.program, state.setup.arguments, state.setup.environment};
  order.environment.push_back(fmt::format("{}={}", spec_variable, one.spec_file.string()));
  state.setup.processes->start(std::move(order));
}

void perform(supervisor_self self, const machine::kill_process& what) {
  self->state.setup.processes->kill(what.executor.value, what.reason, std::chrono::ceil<std::chrono::milliseconds>(what.grace));
}

void perform(supervisor_self self, const machine::admit& who) {
  auto& state = self->state;
  auto& one = state.executors[who.executor.value];
  const auto number = who.executor.value;
  state.setup.executors->joined({number, who.cores, who.process, true, "alive", 0, 0});
  link_setup link;
  link.executor = number;
  link.incarnation = who.incarnation;
  link.remote = state.registering;
  link.scheduler = state.setup.scheduler;
  link.supervisor = self;
  link.executors = state.setup.executors;
  link.refused_messages = state.setup.refused_messages;
  link.limits = {state.setup.silence, state.setup.spec.line_limits(), 2 * state.setup.silence.dead_after};
  link.filter = state.setup.filter;
  one.link = spawn_link(self->system(), link);
  self->monitor(one.link);
  log(log_level::info, fmt::format("executor {} registered: process {}, {} cores", number, who.process, who.cores));
  tell(self, state.setup.scheduler, executor_ready{number, who.cores, who.process, one.link, {}, state.registering_at});
}

void perform(supervisor_self self, const machine::welcome_again& who) {
  tell(self, self->state.executors[who.executor.value].link, greet{caf::actor_cast<caf::strong_actor_ptr>(self->state.registering)});
}

void perform(supervisor_self self, const machine::refuse& what) {
  self->state.setup.refused_messages->fetch_add(1, std::memory_order_relaxed);
  tell(self, self->state.registering, refused{what.text});
}

void perform(supervisor_self self, const machine::bury& dead) {
  auto& state = self->state;
  const auto number = dead.executor.value;
  state.setup.executors->changed(number, false, "dead: " + dead.reason);
  auto& one = state.executors[number];
  tell(self, one.link, fence{});
  if (dead.was_admitted && !state.decisions->stopping())
    tell(self, state.setup.scheduler, executor_gone{number, dead.reason, read_positions(one)});
  auto gone = state.setup.spec;
  gone.executor = number;
  std::error_code ignored;
  std::filesystem::remove(one.spec_file, ignored);
  std::filesystem::remove(gone.positions_file(), ignored);
  std::filesystem::remove(block_socket_of(gone.directory, number), ignored); // one that was killed leaves it
  state.executors.erase(number);
}

void perform(supervisor_self self, const machine::start_later& what) {
  remind(self, what.when - now(self), restart_due{what.slot});
}

void perform(supervisor_self self, const machine::all_admitted&) {
  self->state.setup.started->succeed();
}

void perform(supervisor_self self, const machine::start_failed& what) {
  self->state.setup.started->fail(what.code, what.text);
}

void perform(supervisor_self self, const machine::exhausted& what) {
  tell(self, self->state.setup.scheduler, executors_given_up{what.text});
}

void perform(supervisor_self self, const machine::ask_to_leave& who) {
  tell(self, self->state.executors[who.executor.value].link, leave{"the application ends"});
}

void perform(supervisor_self self, const scheduler::wake_at& what) {
  remind(self, what.when - now(self), check_time{});
}

void perform(supervisor_self, const scheduler::notice& what) {
  using level = scheduler::notice::level;
  log(what.how == level::error ? log_level::error : what.how == level::warning ? log_level::warn : log_level::info, what.text);
}

// -- what happened ------------------------------------------------------------

void feed(supervisor_self self, const machine::event& what) {
  for (const auto& action : self->state.decisions->handle(what, now(self)))
    std::visit([self](const auto& one) { perform(self, one); }, action);
}

void register_one(supervisor_self self, const register_executor& who) {
  self->state.registering = caf::actor_cast<executor_actor>(self->current_sender());
  self->state.registering_at = {who.executor, who.blocks.host, who.blocks.port};
  feed(self, machine::executor_registered{{who.executor},
                                          who.incarnation,
                                          who.process,
                                          who.protocol,
                                          who.cores,
                                          who.protocol == protocol_version ? core::describe_build_mismatch(who.modules) : ""});
  self->state.registering = nullptr;
}

/// A link ends long after its executor's process; if it ends earlier, it had a defect, and nobody watches that process any more.
void link_down(supervisor_self self, const caf::actor_addr& link) {
  for (const auto& [number, one] : self->state.executors)
    if (one.link && one.link->address() == link)
      return feed(self, machine::link_lost{{number}, "killed: its link had a defect", false});
}

supervisor_actor::behavior_type run_supervisor(supervisor_self self, const supervisor_setup& setup) {
  auto& state = self->state;
  state.setup = setup;
  machine::limits limits;
  limits.slots = setup.slots;
  limits.protocol = protocol_version;
  limits.register_timeout = std::chrono::milliseconds(setup.spec.register_timeout_ms);
  limits.restarts = setup.restarts;
  state.decisions.emplace(limits);
  self->set_down_handler([self](const caf::down_msg& down) { link_down(self, down.source); });
  return {
      [=](const register_executor& message) { register_one(self, message); },
      [=](const link_lost& message) {
        feed(self, machine::link_lost{{message.executor}, message.reason, message.connection_ended});
      },
      [=](const kill_executor& message) {
        feed(self, machine::link_lost{{message.executor}, (message.released ? "" : "killed: ") + message.reason, false});
      },
      [=](const process_ended& message) {
        feed(self, machine::process_ended{{message.executor}, explain(message.reason)});
      },
      [=](const restart_due& message) {
        feed(self, machine::slot_due{message.slot, random_number()});
      },
      [=](check_time) { feed(self, machine::tick{}); },
      [=](shut_down) { feed(self, machine::stop{}); },
  };
}

} // namespace

supervisor_actor spawn_supervisor(caf::actor_system& system, const supervisor_setup& setup) {
  return system.spawn(run_supervisor, setup);
}

} // namespace salamander::actors
