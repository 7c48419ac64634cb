#include <salamander/actors/executor_link.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/rdd/fault_tolerance.hpp>

#include <fmt/format.h>

namespace salamander::actors {
namespace {

using session_cause = scheduler::session_end::cause;
using testing::direction;

struct link_state {
  link_setup setup;
  std::optional<link_session> session;
  std::optional<scheduler::time_point> lingers_until; ///< set once the session is over
  bool asked_to_leave = false;
  bool looking = false; ///< whether the process has ended
  heartbeat beat;       ///< being handled
};

using link_self = executor_link::stateful_pointer<link_state>;

/// Sends a message to the executor, or has its fate happen to it.
template <class Message>
void transmit(link_self self, Message message) {
  const auto& setup = self->state.setup;
  if (!setup.remote)
    return; // there is no connection
  if (!setup.filter)
    return tell(self, setup.remote, std::move(message));
  const auto fate = setup.filter(setup.executor, direction::to_executor, Message::wire_name, now(self));
  for (int copies = fate.lost ? 0 : fate.twice ? 2 : 1; copies > 0; --copies)
    if (fate.delay.count() > 0)
      self->delayed_send(setup.remote, caf::timespan(fate.delay), message);
    else
      tell(self, setup.remote, message);
}

void perform(link_self self, link_session::send_parcel& what) {
  transmit(self, numbered_order{std::move(what.what)});
}

void perform(link_self self, const link_session::send_state& what) {
  transmit(self, messages_seen{what.incarnation, what.state});
}

void perform(link_self self, const link_session::deliver& what) {
  std::visit([&](const auto& message) { tell(self, self->state.setup.scheduler, message); }, *what.message);
}

void perform(link_self self, const link_session::answer_beat& what) {
  auto& state = self->state;
  transmit(self, heartbeat_seen{state.setup.incarnation, what.sequence, what.state});
  tell(self, state.setup.scheduler, std::move(state.beat));
}

void change_health(link_self self, bool silent) {
  const auto& setup = self->state.setup;
  setup.executors->changed(setup.executor, true, silent ? "suspect" : "alive");
  tell(self, setup.scheduler, executor_silent{setup.executor, silent});
}

void perform(link_self self, const link_session::suspected&) {
  change_health(self, true);
}

void perform(link_self self, const link_session::recovered&) {
  change_health(self, false);
}

void perform(link_self self, const link_session::ended& what) {
  const auto& setup = self->state.setup;
  setup.executors->changed(setup.executor, false, "dead: " + what.why.text);
  tell(self, setup.supervisor, link_lost{setup.executor, what.why.text, what.why.why == session_cause::disconnected});
}

void perform(link_self self, const link_session::refuse& what) {
  self->state.setup.refused_messages->fetch_add(1, std::memory_order_relaxed);
  if (what.tell_to_leave)
    transmit(self, leave{"the driver had given this executor up"});
}

void feed(link_self self, link_session::event what) {
  auto& state = self->state;
  for (auto& action : state.session->handle(std::move(what), now(self)))
    std::visit([self](auto& one) { perform(self, one); }, action);
  if (state.session->over() && !state.lingers_until)
    state.lingers_until = now(self) + state.setup.linger;
}

// -- from the executor --------------------------------------------------------

void handle(link_self self, heartbeat& message) {
  const auto beat = link_session::beat_arrived{message.incarnation, message.sequence, message.line};
  self->state.beat = std::move(message);
  feed(self, beat);
}

void handle(link_self self, numbered_report& message) {
  const auto bytes = message.wire_bytes();
  feed(self, link_session::parcel_arrived{std::move(message.what), bytes});
}

void handle(link_self self, const messages_seen& message) {
  feed(self, link_session::state_arrived{message.incarnation, message.line});
}

/// A handler of what the executor sends.
template <class Message>
auto receive(link_self self) {
  return [self](Message& message) {
    const auto& setup = self->state.setup;
    if (!setup.filter)
      return handle(self, message);
    const auto fate = setup.filter(setup.executor, direction::from_executor, Message::wire_name, now(self));
    for (int copies = fate.lost ? 0 : fate.twice ? 2 : 1; copies > 0; --copies) {
      auto copy = message;
      if (fate.delay.count() > 0)
        remind(self, fate.delay, held_message{std::move(copy)});
      else
        handle(self, copy);
    }
  };
}

// -- from the scheduler -------------------------------------------------------

/// A handler of an order for the executor.
template <class Message>
auto pass_on(link_self self) {
  return [self](Message& message) {
    auto what = std::make_shared<const any_order>(std::move(message));
    const auto bytes = wire_bytes_of(*what);
    feed(self, link_session::order_given{std::move(what), bytes});
  };
}

// -- the connection -----------------------------------------------------------

/// Finds out whether the executor has ended rather than its connection. Nobody would tell soon: its worker tells a master, which may be
/// down or cut off.
void look_for_process(link_self self) {
  auto& state = self->state;
  if (!state.setup.look_for_process || state.session->over() || !state.session->parted_since() || std::exchange(state.looking, true))
    return;
  state.setup.look_for_process([to = self->address()](bool ended) {
    if (const auto link = caf::actor_cast<executor_link>(to))
      post(link, found_ended{ended});
  });
}

void hear_of_process(link_self self, const found_ended& what) {
  auto& state = self->state;
  state.looking = false;
  if (what.ended && state.session->parted_since())
    feed(self, link_session::disconnected{"the connection ended, and its process is not there"});
}

/// The framework's word for every actor that was behind a connection which is none any more; an actor that ended has reasons of its own.
bool is_broken_connection(const caf::down_msg& down) {
  return down.reason == caf::exit_reason::remote_link_unreachable;
}

void lose_executor(link_self self, const caf::down_msg& down) {
  auto& state = self->state;
  state.setup.remote = nullptr;
  if (!core::fault_tolerance || !is_broken_connection(down) || state.asked_to_leave)
    return feed(self, link_session::disconnected{});
  if (!state.session->over())
    log(log_level::debug, fmt::format("executor {}: the connection broke; it may make another one", state.setup.executor));
  feed(self, link_session::connection_lost{});
  look_for_process(self);
}

/// The executor has registered again: over another connection, or because it has not heard its welcome.
void greet_again(link_self self, const caf::strong_actor_ptr& remote) {
  auto& state = self->state;
  if (const auto since = state.session->parted_since(); since && !state.session->over())
    log(log_level::warn, fmt::format("executor {}: its connection broke and was made again after {:.1f} s; it goes on with what it has",
                                     state.setup.executor, std::chrono::duration<double>(now(self) - *since).count()));
  if (caf::actor_cast<caf::strong_actor_ptr>(state.setup.remote).get() != remote.get()) {
    state.setup.remote = caf::actor_cast<executor_actor>(remote);
    self->monitor(state.setup.remote);
  }
  transmit(self, welcome{state.setup.executor});
  feed(self, link_session::connection_made{});
}

void check(link_self self) {
  auto& state = self->state;
  feed(self, link_session::tick{});
  look_for_process(self);
  if (state.lingers_until && now(self) >= *state.lingers_until)
    self->quit();
  else
    remind(self, state.setup.check_interval, check_time{});
}

executor_link::behavior_type run_link(link_self self, const link_setup& setup) {
  self->state.setup = setup;
  self->state.session.emplace(setup.incarnation, setup.limits, now(self));
  self->monitor(setup.remote);
  self->monitor(setup.supervisor);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (down.source == self->state.setup.supervisor.address())
      self->quit();
    else
      lose_executor(self, down);
  });
  transmit(self, welcome{setup.executor});
  if constexpr (core::fault_tolerance)
    remind(self, setup.check_interval, check_time{});
  return {
      pass_on<run_stage>(self),
      pass_on<run_tasks>(self),
      pass_on<cancel_attempts>(self),
      pass_on<forget_stage>(self),
      pass_on<drop_dataset>(self),
      pass_on<drop_shuffle>(self),
      pass_on<drop_result>(self),
      pass_on<drop_broadcast>(self),
      pass_on<meet_peers>(self),
      pass_on<take_blocks>(self),
      pass_on<barrier_passed>(self),
      [=](leave& message) {
        self->state.asked_to_leave = true;
        transmit(self, std::move(message));
      },
      receive<heartbeat>(self),
      receive<numbered_report>(self),
      receive<messages_seen>(self),
      [=](held_message& message) { std::visit([self](auto& one) { handle(self, one); }, message.what); },
      [=](check_time) { check(self); },
      [=](const found_ended& message) { hear_of_process(self, message); },
      [=](const greet& message) { greet_again(self, message.remote); },
      [=](fence) { feed(self, link_session::fenced{}); },
  };
}

} // namespace

executor_link spawn_link(caf::actor_system& system, const link_setup& setup) {
  return system.spawn(run_link, setup);
}

} // namespace salamander::actors
