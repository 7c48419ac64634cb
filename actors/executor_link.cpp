#include <salamander/actors/executor_link.hpp>

#include <salamander/rdd/fault_tolerance.hpp>

#include <fmt/format.h>

namespace salamander::actors {
namespace {

using health = scheduler::executor_monitor::health;

struct link_state {
  link_setup setup;
  std::optional<scheduler::executor_monitor> monitor;
  bool fenced = false; ///< dead: nothing passes any more
  scheduler::time_point fenced_until;
};

using link_self = executor_link::stateful_pointer<link_state>;

void close(link_self self) {
  if (std::exchange(self->state.fenced, true))
    return;
  self->state.monitor->disconnected();
  self->state.fenced_until = now(self) + self->state.setup.linger;
}

void lose(link_self self, std::string reason, bool connection_ended) {
  const auto& setup = self->state.setup;
  setup.executors->changed(setup.executor, false, "dead: " + reason);
  tell(self, setup.supervisor, link_lost{setup.executor, std::move(reason), connection_ended});
  close(self);
}

/// True if a message is from the live incarnation; notes the sign of life.
bool admit(link_self self, std::uint32_t executor, std::uint64_t incarnation) {
  auto& state = self->state;
  if (state.fenced || executor != state.setup.executor || incarnation != state.setup.incarnation) {
    state.setup.refused_messages->fetch_add(1, std::memory_order_relaxed);
    // It does not know that it is dead: it must not go on working.
    if (state.fenced)
      tell(self, state.setup.remote, leave{"the driver had given this executor up"});
    return false;
  }
  if (state.monitor->heard(now(self)) == health::alive) {
    state.setup.executors->changed(executor, true, "alive");
    tell(self, state.setup.scheduler, executor_silent{executor, false});
  }
  return true;
}

void check(link_self self) {
  auto& state = self->state;
  const auto time = now(self);
  if (state.fenced) {
    if (time >= state.fenced_until)
      self->quit();
    else
      remind(self, state.setup.check_interval, check_time{});
    return;
  }
  const auto change = state.monitor->tick(time);
  if (change == health::dead) {
    lose(self, fmt::format("silent for {:.1f} s", std::chrono::duration<double>(state.monitor->silence(time)).count()), false);
  } else if (change) {
    const bool silent = change == health::suspect;
    state.setup.executors->changed(state.setup.executor, true, silent ? "suspect" : "alive");
    tell(self, state.setup.scheduler, executor_silent{state.setup.executor, silent});
  }
  remind(self, state.setup.check_interval, check_time{});
}

/// A handler that hands a message on to the executor, while it lives.
template <class Message>
auto pass_on(link_self self) {
  return [self](Message& message) {
    if (!self->state.fenced)
      tell(self, self->state.setup.remote, std::move(message));
  };
}

executor_link::behavior_type run_link(link_self self, const link_setup& setup) {
  self->state.setup = setup;
  self->state.monitor.emplace(setup.limits, now(self));
  self->monitor(setup.remote);
  self->monitor(setup.supervisor);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (down.source == self->state.setup.supervisor.address())
      self->quit();
    else if (!self->state.fenced)
      lose(self, "the connection ended", true);
  });
  tell(self, setup.remote, welcome{setup.executor});
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
      pass_on<leave>(self),
      [=](heartbeat& message) {
        if (!admit(self, message.executor, message.incarnation))
          return;
        tell(self, self->state.setup.remote, heartbeat_seen{message.sequence});
        tell(self, self->state.setup.scheduler, std::move(message));
      },
      [=](tasks_reported& message) {
        if (admit(self, message.executor, message.incarnation))
          tell(self, self->state.setup.scheduler, std::move(message));
      },
      [=](dataset_dropped& message) {
        if (admit(self, message.executor, message.incarnation))
          tell(self, self->state.setup.scheduler, std::move(message));
      },
      [=](check_time) { check(self); },
      [=](fence) { close(self); },
  };
}

} // namespace

executor_link spawn_link(caf::actor_system& system, const link_setup& setup) {
  return system.spawn(run_link, setup);
}

} // namespace salamander::actors
