#include <salamander/actors/executor_actor.hpp>

#include <salamander/rdd/fault_tolerance.hpp>

#include <unistd.h>

namespace salamander::actors {

void driver_contact::end(int exit_code, std::string text) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_)
      return;
    ended_ = true;
    exit_code_ = exit_code;
    text_ = std::move(text);
  }
  changed_.notify_all();
}

std::pair<int, std::string> driver_contact::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_; });
  return {exit_code_, text_};
}

namespace {

constexpr std::size_t error_text_bytes_max = 64U << 10;
/// Half of what a message may be: one more report always fits.
constexpr std::size_t report_bytes_goal = control_message_bytes_max / 2;

struct executor_state {
  executor_setup setup;
  std::shared_ptr<executor_runtime> runtime;
  std::uint64_t heartbeats = 0;
};

using executor_self = executor_actor::stateful_pointer<executor_state>;

/// Makes a report fit to leave the process: results as bytes, texts of a bounded length.
/// What a user's exception says may be of any length.
void cut_text(task_report& report) {
  if (auto* failed = std::get_if<task_report::user_error>(&report.outcome); failed && failed->text.size() > error_text_bytes_max)
    failed->text.resize(error_text_bytes_max);
}

void make_portable(task_report& report) {
  if (auto* done = std::get_if<task_report::success>(&report.outcome); done && done->result.object) {
    try {
      auto bytes = std::make_shared<core::byte_buffer>();
      done->result.object->encode(*bytes);
      done->result_bytes = bytes->size();
      done->result = {nullptr, std::move(bytes)};
    } catch (const std::exception& failure) {
      report.outcome = task_report::user_error{std::string("a result could not be turned into bytes: ") + failure.what(),
                                               static_cast<std::uint8_t>(errc::not_serializable)};
    }
  }
  cut_text(report);
}

void send_reports(executor_self self) {
  auto& state = self->state;
  if (!state.setup.reports_to)
    return;
  auto reports = state.runtime->take_reports();
  tasks_reported message{state.setup.executor, state.setup.incarnation, {}, state.runtime->take_evictions()};
  if (!state.setup.contact) {
    for (auto& report : reports)
      cut_text(report);
    message.reports = std::move(reports);
    if (!message.reports.empty() || !message.evicted.empty())
      tell(self, state.setup.reports_to, std::move(message));
    return;
  }
  std::size_t bytes = 0;
  for (auto& report : reports) {
    make_portable(report);
    const auto size = wire::size_of(report);
    if (!message.reports.empty() && bytes + size > report_bytes_goal) {
      tell(self, state.setup.reports_to, std::exchange(message, {state.setup.executor, state.setup.incarnation, {}, {}}));
      bytes = 0;
    }
    bytes += size;
    message.reports.push_back(std::move(report));
  }
  if (!message.reports.empty() || !message.evicted.empty())
    tell(self, state.setup.reports_to, std::move(message));
}

void send_heartbeat(executor_self self) {
  auto& state = self->state;
  if (!state.setup.reports_to)
    return;
  const auto& runtime = *state.runtime;
  tell(self, state.setup.reports_to,
       heartbeat{state.setup.executor, state.setup.incarnation, ++state.heartbeats, runtime.running_tasks(), runtime.finished_tasks(),
                 runtime.cached_bytes(), state.runtime->take_evictions()});
}

void accept(executor_self self) {
  auto& state = self->state;
  if (!state.setup.contact || state.setup.reports_to)
    return;
  state.setup.contact->seen();
  state.setup.reports_to = caf::actor_cast<executor_inbox>(self->current_sender());
  self->monitor(state.setup.reports_to);
  if constexpr (core::fault_tolerance) {
    send_heartbeat(self);
    remind(self, state.setup.heartbeat_interval, beat{});
  }
}

void leave_for_good(executor_self self, int exit_code, std::string text) {
  if (self->state.setup.contact)
    self->state.setup.contact->end(exit_code, std::move(text));
  self->quit();
}

void introduce(executor_self self) {
  const auto& setup = self->state.setup;
  if (!setup.driver)
    return;
  self->monitor(setup.driver);
  tell(self, setup.driver,
       register_executor{setup.executor, setup.incarnation, ::getpid(), protocol_version, setup.cores, core::code_modules()});
}

executor_actor::behavior_type run_executor(executor_self self, const executor_setup& setup,
                                           const std::shared_ptr<executor_runtime>& runtime) {
  self->state.setup = setup;
  self->state.runtime = runtime;
  self->set_down_handler([self](const caf::down_msg&) { leave_for_good(self, exit_driver_gone, "the driver went away"); });
  introduce(self);
  const auto seen = [self] {
    if (self->state.setup.contact)
      self->state.setup.contact->seen();
  };
  return {
      [=](run_stage& message) { self->state.runtime->add_stage(std::move(message.order)); },
      [=](run_tasks& message) { self->state.runtime->launch(std::move(message.tasks)); },
      [=](const cancel_attempts& message) { self->state.runtime->cancel(message.tasks); },
      [=](const forget_stage& message) { self->state.runtime->forget_stage(message.stage); },
      [=](const drop_dataset& message) {
        self->state.runtime->drop_cached(message.dataset);
        tell(self, self->state.setup.reports_to, dataset_dropped{self->state.setup.executor, self->state.setup.incarnation, message.token});
      },
      [=](const drop_shuffle& message) { self->state.runtime->drop_shuffle(message.shuffle); },
      [=](const drop_result& message) { self->state.runtime->drop_result(message.task); },
      [=](const leave& message) { leave_for_good(self, 0, message.reason); },
      [=](const welcome&) { accept(self); },
      [=](const refused& message) { leave_for_good(self, exit_refused, message.text); },
      [=](const heartbeat_seen&) { seen(); },
      [=](reports_waiting) { send_reports(self); },
      [=](beat) {
        send_heartbeat(self);
        remind(self, self->state.setup.heartbeat_interval, beat{});
      },
  };
}

} // namespace

std::pair<executor_actor, std::shared_ptr<executor_runtime>> spawn_executor(caf::actor_system& system, const executor_setup& setup,
                                                                            const runtime_factory& make_runtime) {
  // The runtime's threads need the actor's address, and the actor the runtime. The address is set before any task can run.
  auto address = std::make_shared<caf::actor_addr>();
  auto runtime = make_runtime([address] {
    if (const auto to = caf::actor_cast<executor_actor>(*address))
      post(to, reports_waiting{});
  });
  auto actor = system.spawn(run_executor, setup, runtime);
  *address = actor->address();
  return {std::move(actor), std::move(runtime)};
}

} // namespace salamander::actors
