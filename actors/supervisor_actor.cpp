#include <salamander/actors/supervisor_actor.hpp>

#include <salamander/actors/executor_actor.hpp>
#include <salamander/actors/log.hpp>

#include <fmt/format.h>

#include <algorithm>
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

/// A process whose connection ended gets this long to end by itself, so that its own exit code or signal is reported.
constexpr std::chrono::milliseconds natural_end_grace{300};

struct slot {
  explicit slot(scheduler::restart_policy::limits limits) : policy(limits) {}

  scheduler::restart_policy policy;
  std::optional<std::uint32_t> executor; ///< its process was ordered and is not buried
  std::uint64_t incarnation = 0;
  scheduler::time_point started;
  executor_link link; ///< set while it is registered
  bool was_ready = false;
  bool given_up = false;
  std::string refusal; ///< why its registration was refused
  std::optional<position_table> positions;
  std::filesystem::path spec_file;
};

struct supervisor_state {
  supervisor_setup setup;
  std::vector<slot> slots;
  std::uint32_t next_executor = 0;
  bool stopping = false;
};

using supervisor_self = supervisor_actor::stateful_pointer<supervisor_state>;

slot* slot_of(supervisor_self self, std::uint32_t executor) {
  for (auto& one : self->state.slots)
    if (one.executor == executor)
      return &one;
  return nullptr;
}

std::uint64_t random_number() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) | source();
}

void start(supervisor_self self, slot& one) {
  auto& state = self->state;
  auto spec = state.setup.spec;
  spec.driver_port = *state.setup.port;
  spec.executor = state.next_executor++;
  spec.incarnation = random_number();
  one.executor = spec.executor;
  one.incarnation = spec.incarnation;
  one.started = now(self);
  one.was_ready = false;
  one.refusal.clear();
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

void refuse(supervisor_self self, const register_executor& who, errc code, const std::string& why) {
  log(log_level::error, fmt::format("refused executor {} (process {}): {}", who.executor, who.process, why));
  self->state.setup.refused_messages->fetch_add(1, std::memory_order_relaxed);
  if (auto* const known = slot_of(self, who.executor); known && known->incarnation == who.incarnation && !known->link) {
    known->refusal = why;
    self->state.setup.started->fail(code, why);
  }
  tell(self, caf::actor_cast<executor_actor>(self->current_sender()), refused{why});
}

void admit(supervisor_self self, const register_executor& who) {
  auto& state = self->state;
  if (state.stopping)
    return; // a replacement that came too late; its process is being ended
  if (who.protocol != protocol_version)
    return refuse(self, who, errc::build_mismatch,
                  fmt::format("it speaks protocol version {}, this driver {}", who.protocol, protocol_version));
  if (const auto mismatch = core::describe_build_mismatch(who.modules); !mismatch.empty())
    return refuse(self, who, errc::build_mismatch, mismatch);
  auto* const known = slot_of(self, who.executor);
  if (!known || known->incarnation != who.incarnation)
    return refuse(self, who, errc::executor_lost, "this driver does not wait for it");
  if (known->link)
    return refuse(self, who, errc::executor_lost, "it had registered before");
  known->was_ready = true;
  known->policy.ready();
  state.setup.executors->joined({who.executor, who.cores, who.process, true, "alive", 0, 0});
  known->link =
      spawn_link(self->system(), {who.executor, who.incarnation, caf::actor_cast<executor_actor>(self->current_sender()),
                                  state.setup.scheduler, self, state.setup.executors, state.setup.refused_messages, state.setup.silence});
  self->monitor(known->link);
  log(log_level::info, fmt::format("executor {} registered: process {}, {} cores", who.executor, who.process, who.cores));
  tell(self, state.setup.scheduler, executor_ready{who.executor, who.cores, who.process, known->link});
  if (std::ranges::all_of(state.slots, [](const auto& one) { return one.link != nullptr; }))
    state.setup.started->succeed();
}

std::vector<stuck_task> read_positions(const slot& one) {
  std::vector<stuck_task> all;
  if (one.positions)
    for (const auto& position : *one.positions)
      if (const auto task = position.task.load(); task != 0)
        all.push_back({task, position.dataset.load(), position.partition.load(), position.record.load()});
  return all;
}

void give_up(supervisor_self self, slot& one, const std::string& reason) {
  auto& state = self->state;
  one.given_up = true;
  const auto text = fmt::format("an executor could not be started {} times in a row; the last one: {}. Its messages are on standard error",
                                std::max(1U, one.policy.start_failures()), reason);
  log(log_level::error, text);
  state.setup.started->fail(errc::no_executors, text);
  if (std::ranges::all_of(state.slots, [](const auto& each) { return each.given_up; }))
    tell(self, state.setup.scheduler, executors_given_up{text});
}

std::string explain(const slot& one, const std::string& reason) {
  if (!one.refusal.empty())
    return "refused: " + one.refusal;
  if (reason == fmt::format("exited with code {}", exit_bad_spec))
    return reason + " (it could not read its orders)";
  if (reason == fmt::format("exited with code {}", exit_no_connection))
    return reason + " (it could not connect to its driver)";
  if (reason == fmt::format("exited with code {}", exit_driver_gone))
    return reason + " (it had lost its driver)";
  return reason;
}

void bury(supervisor_self self, const process_ended& dead) {
  auto& state = self->state;
  auto* const one = slot_of(self, dead.executor);
  if (!one)
    return;
  const auto reason = explain(*one, dead.reason);
  state.setup.executors->changed(dead.executor, false, "dead: " + reason);
  if (one->link) {
    self->send(one->link, fence{});
    one->link = nullptr;
  }
  if (!state.stopping) {
    if (one->was_ready)
      tell(self, state.setup.scheduler, executor_gone{dead.executor, reason, read_positions(*one)});
    else
      log(log_level::warn, fmt::format("executor {} ended before it registered: {}", dead.executor, reason));
  }
  one->executor.reset();
  std::error_code ignored;
  std::filesystem::remove(one->spec_file, ignored);
  auto gone = state.setup.spec;
  gone.executor = dead.executor;
  std::filesystem::remove(gone.positions_file(), ignored);
  one->positions.reset();
  if (state.stopping)
    return;
  const auto time = now(self);
  if (const auto next = one->policy.ended(time, one->was_ready)) {
    const auto wait = *next - time;
    if (wait > std::chrono::seconds(0))
      log(log_level::warn,
          fmt::format("executors end too often: the next one starts in {:.1f} s", std::chrono::duration<double>(wait).count()));
    remind(self, wait, restart_due{static_cast<std::uint32_t>(one - state.slots.data())});
  } else {
    give_up(self, *one, reason);
  }
}

void check_starts(supervisor_self self) {
  auto& state = self->state;
  const auto limit = std::chrono::milliseconds(state.setup.spec.register_timeout_ms);
  for (auto& one : state.slots)
    if (one.executor && !one.was_ready && now(self) - one.started > limit)
      state.setup.processes->kill(*one.executor, fmt::format("killed: it had not registered after {} s", limit.count() / 1000),
                                  std::chrono::milliseconds(0));
  if (!state.stopping)
    remind(self, std::chrono::seconds(1), check_time{});
}

void stop(supervisor_self self) {
  self->state.stopping = true;
  for (auto& one : self->state.slots)
    if (one.link)
      self->send(one.link, leave{"the application ends"});
}

supervisor_actor::behavior_type run_supervisor(supervisor_self self, const supervisor_setup& setup) {
  self->state.setup = setup;
  for (std::uint32_t i = 0; i < setup.slots; ++i)
    self->state.slots.emplace_back(setup.restarts);
  // A link ends long after its executor's process; if it ends earlier, it broke, and nobody watches that process any more.
  self->set_down_handler([self](const caf::down_msg& down) {
    for (auto& one : self->state.slots)
      if (one.executor && one.link && one.link->address() == down.source)
        self->state.setup.processes->kill(*one.executor, "killed: its link had a defect", std::chrono::milliseconds(0));
  });
  remind(self, std::chrono::seconds(1), check_time{});
  return {
      [=](const register_executor& message) { admit(self, message); },
      [=](const link_lost& message) {
        self->state.setup.processes->kill(message.executor, message.reason,
                                          message.connection_ended ? natural_end_grace : std::chrono::milliseconds(0));
      },
      [=](const process_ended& message) { bury(self, message); },
      [=](const restart_due& message) {
        auto& one = self->state.slots[message.slot];
        if (!self->state.stopping && !one.executor)
          start(self, one);
      },
      [=](check_time) { check_starts(self); },
      [=](shut_down) { stop(self); },
  };
}

} // namespace

supervisor_actor spawn_supervisor(caf::actor_system& system, const supervisor_setup& setup) {
  return system.spawn(run_supervisor, setup);
}

} // namespace salamander::actors
