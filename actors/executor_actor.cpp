#include <salamander/actors/executor_actor.hpp>

#include <salamander/rdd/fault_tolerance.hpp>

#include <unistd.h>

#include <deque>

namespace salamander::actors {

void driver_contact::end(int exit_code, std::string text) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_)
      return;
    ending_ = {exit_code, std::move(text)};
  }
  changed_.notify_all();
}

void driver_contact::lose_connection() {
  {
    const std::lock_guard lock(mutex_);
    lost_ = true;
  }
  changed_.notify_all();
}

std::optional<driver_contact::ending> driver_contact::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ending_ || lost_; });
  lost_ = false;
  return ending_;
}

bool driver_contact::ends_within(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [&] { return ending_.has_value(); });
}

namespace {

constexpr std::size_t error_text_bytes_max = 64U << 10;
/// Half of what a message may be: one more report always fits.
constexpr std::size_t report_bytes_goal = control_message_bytes_max / 2;

struct executor_state {
  executor_setup setup;
  std::shared_ptr<executor_runtime> runtime;
  // In a process of its own:
  link_door link; ///< once we are welcome
  std::optional<executor_line> session;
  std::deque<executor_line::event> events; ///< to be fed to it
  bool feeding = false;
  bool reports_left = false; ///< with the runtime, until the session takes them
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

void leave_for_good(executor_self self, int exit_code, std::string text) {
  if (self->state.setup.contact)
    self->state.setup.contact->end(exit_code, std::move(text));
  self->quit();
}

void feed(executor_self self, executor_line::event what);

/// To the driver: as it is in local mode, numbered from another process.
template <class Message>
void say(executor_self self, Message message) {
  auto& state = self->state;
  if (!state.session)
    return tell(self, state.setup.reports_to, std::move(message));
  auto what = std::make_shared<const any_report>(std::move(message));
  const auto bytes = wire_bytes_of(*what);
  feed(self, executor_line::report_given{std::move(what), bytes});
}

void send_reports(executor_self self) {
  auto& state = self->state;
  state.reports_left = state.session && !state.session->takes_reports();
  if (state.reports_left)
    return;
  const auto empty = [&] { return tasks_reported{state.setup.executor, state.setup.incarnation, {}, {}, {}, {}}; };
  auto message = empty();
  const auto flush = [&] {
    if (!message.reports.empty() || !message.evicted.empty() || !message.faults.empty() || !message.contributed.empty())
      say(self, std::exchange(message, empty()));
  };
  for (auto& arrival : state.runtime->take_barrier_arrivals())
    say(self, barrier_reached{state.setup.executor, state.setup.incarnation, std::move(arrival)});
  if (auto taken = state.runtime->take_moved(); !taken.empty())
    say(self, blocks_taken{state.setup.executor, state.setup.incarnation, std::move(taken)});
  auto reports = state.runtime->take_reports();
  auto evicted = state.runtime->take_evictions();
  std::size_t bytes = 0;
  const auto make_room = [&](std::size_t size) {
    if (bytes + size > report_bytes_goal) {
      flush();
      bytes = 0;
    }
    bytes += size;
  };
  for (auto& one : state.runtime->take_cached_contributions()) {
    make_room(wire::size_of(one));
    message.contributed.push_back(std::move(one));
  }
  flush();
  bytes = 0;
  message.faults = state.runtime->take_fault_notes();
  for (; message.faults.size() == executor_runtime::fault_notes_max; message.faults = state.runtime->take_fault_notes())
    flush();
  message.evicted = std::move(evicted);
  for (auto& report : reports) {
    if (!state.session) {
      cut_text(report);
    } else {
      make_portable(report);
      make_room(wire::size_of(report));
    }
    message.reports.push_back(std::move(report));
  }
  flush();
}

// -- orders -------------------------------------------------------------------

void obey(executor_self self, run_stage message) {
  self->state.runtime->add_stage(std::move(message.order));
}
void obey(executor_self self, run_tasks message) {
  self->state.runtime->launch(std::move(message.tasks), std::move(message.faults));
}
void obey(executor_self self, const cancel_attempts& message) {
  self->state.runtime->cancel(message.tasks);
}
void obey(executor_self self, const forget_stage& message) {
  self->state.runtime->forget_stage(message.stage);
}
void obey(executor_self self, const drop_dataset& message) {
  self->state.runtime->drop_cached(message.dataset);
  say(self, dataset_dropped{self->state.setup.executor, self->state.setup.incarnation, message.token});
}
void obey(executor_self self, const drop_shuffle& message) {
  self->state.runtime->drop_shuffle(message.shuffle);
}
void obey(executor_self self, const drop_result& message) {
  if (message.shuffle == drop_result::no_shuffle)
    self->state.runtime->drop_result(message.task);
  else
    self->state.runtime->drop_map_output(message.shuffle, message.map_partition, message.task);
}

void obey(executor_self self, const meet_peers& message) {
  self->state.runtime->meet(message.peers);
}

void obey(executor_self self, const take_blocks& message) {
  self->state.runtime->take_over(message.from, message.blocks);
}

void obey(executor_self self, const drop_broadcast& message) {
  self->state.runtime->drop_broadcast(message.broadcast, message.destroyed.empty() ? std::nullopt : std::optional(message.destroyed));
  say(self, dataset_dropped{self->state.setup.executor, self->state.setup.incarnation, message.token});
}

void obey(executor_self self, barrier_passed message) {
  self->state.runtime->pass_barrier(std::move(message.answer));
}

// -- the session with the driver ----------------------------------------------

void perform(executor_self self, executor_line::send_parcel& what) {
  tell(self, self->state.link, numbered_report{std::move(what.what)});
}

void perform(executor_self self, const executor_line::send_state& what) {
  tell(self, self->state.link, messages_seen{what.incarnation, what.state});
}

void perform(executor_self self, const executor_line::deliver& what) {
  std::visit([self](const auto& message) { obey(self, message); }, *what.message);
}

void perform(executor_self self, const executor_line::send_beat& what) {
  const auto& state = self->state;
  const auto& runtime = *state.runtime;
  tell(self, state.link,
       heartbeat{state.setup.executor, state.setup.incarnation, what.sequence, runtime.running_tasks(), runtime.finished_tasks(),
                 runtime.cached_bytes(), what.state});
}

void perform(executor_self, const executor_line::refuse&) {}

void perform(executor_self self, const executor_line::leave& what) {
  leave_for_good(self, exit_driver_gone, what.reason);
}

void feed(executor_self self, executor_line::event what) {
  auto& state = self->state;
  state.events.push_back(std::move(what));
  if (std::exchange(state.feeding, true))
    return; // an order that is being obeyed made us say something; the loop below takes it
  for (; !state.events.empty(); state.events.pop_front())
    for (auto& action : state.session->handle(std::move(state.events.front()), now(self)))
      std::visit([self](auto& one) { perform(self, one); }, action);
  state.feeding = false;
  if (state.reports_left && state.session->takes_reports())
    send_reports(self);
}

/// Something has come from our link: the driver lives. The first time it says which link is ours.
void accept(executor_self self) {
  auto& state = self->state;
  if (!state.session)
    return;
  if (state.setup.contact)
    state.setup.contact->seen();
  if (state.link)
    return;
  state.link = caf::actor_cast<link_door>(self->current_sender());
  self->monitor(state.link);
  feed(self, executor_line::welcomed{});
  if constexpr (core::fault_tolerance)
    feed(self, executor_line::beat_due{});
  send_reports(self);
}

void receive(executor_self self, numbered_order& message) {
  if (!self->state.session || message.what.incarnation != self->state.setup.incarnation)
    return;
  accept(self);
  const auto bytes = message.wire_bytes();
  feed(self, executor_line::parcel_arrived{std::move(message.what), bytes});
}

void note(executor_self self, std::uint64_t incarnation, const scheduler::channel_state& line) {
  if (!self->state.session || incarnation != self->state.setup.incarnation)
    return;
  accept(self);
  feed(self, executor_line::state_arrived{incarnation, line});
}

void introduce(executor_self self) {
  const auto& setup = self->state.setup;
  tell(self, setup.driver,
       register_executor{setup.executor, setup.incarnation, ::getpid(), protocol_version, setup.cores, core::code_modules(),
                         self->state.runtime->blocks_at()});
}

void keep_beating(executor_self self) {
  auto& state = self->state;
  if (!state.link)
    introduce(self); // the last registration, or its answer, was lost
  send_reports(self);
  feed(self, executor_line::beat_due{});
  remind(self, state.setup.heartbeat_interval, beat{});
}

/// The framework loses all that is behind a connection when it breaks, each with this reason; what ended has another one.
void lose_driver(executor_self self, const caf::down_msg& down) {
  auto& state = self->state;
  if (!core::fault_tolerance || down.reason != caf::exit_reason::remote_link_unreachable)
    return leave_for_good(self, exit_driver_gone, "the driver went away");
  if (!std::exchange(state.setup.driver, nullptr))
    return; // both its door and our link were there
  state.link = nullptr;
  feed(self, executor_line::connection_lost{});
  state.setup.contact->lose_connection();
}

void find_driver(executor_self self, const driver_found& message) {
  self->state.setup.driver = caf::actor_cast<driver_door>(message.door);
  self->monitor(self->state.setup.driver);
  introduce(self);
}

executor_actor::behavior_type run_executor(executor_self self, const executor_setup& setup,
                                           const std::shared_ptr<executor_runtime>& runtime) {
  self->state.setup = setup;
  self->state.runtime = runtime;
  self->set_down_handler([self](const caf::down_msg& down) { lose_driver(self, down); });
  if (setup.driver) {
    self->state.session.emplace(setup.incarnation, setup.limits, now(self));
    self->monitor(setup.driver);
    introduce(self);
    if constexpr (core::fault_tolerance)
      remind(self, setup.heartbeat_interval, beat{});
  }
  return {
      [=](run_stage& message) { obey(self, std::move(message)); },
      [=](run_tasks& message) { obey(self, std::move(message)); },
      [=](const cancel_attempts& message) { obey(self, message); },
      [=](const forget_stage& message) { obey(self, message); },
      [=](const drop_dataset& message) { obey(self, message); },
      [=](const drop_shuffle& message) { obey(self, message); },
      [=](const drop_result& message) { obey(self, message); },
      [=](const drop_broadcast& message) { obey(self, message); },
      [=](const meet_peers& message) { obey(self, message); },
      [=](const take_blocks& message) { obey(self, message); },
      [=](barrier_passed& message) { obey(self, std::move(message)); },
      [=](const leave& message) { leave_for_good(self, 0, message.reason); },
      [=](numbered_order& message) { receive(self, message); },
      [=](const messages_seen& message) { note(self, message.incarnation, message.line); },
      [=](const welcome&) { accept(self); },
      [=](const refused& message) { leave_for_good(self, exit_refused, message.text); },
      [=](const heartbeat_seen& message) { note(self, message.incarnation, message.line); },
      [=](const driver_found& message) { find_driver(self, message); },
      [=](reports_waiting) { send_reports(self); },
      [=](beat) { keep_beating(self); },
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
