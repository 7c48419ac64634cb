#include <salamander/actors/scheduler_actor.hpp>

#include <salamander/actors/scheduler_shell.hpp>

namespace salamander::actors {

struct scheduler_state {
  std::unique_ptr<scheduler_shell> shell;
};

scheduler_actor::behavior_type run_scheduler(scheduler_actor::stateful_pointer<scheduler_state> self, const scheduler_setup& setup) {
  self->state.shell = std::make_unique<scheduler_shell>(self, setup);
  auto* shell = self->state.shell.get();
  // An exception would end the actor and leave every job waiting for ever: it ends the jobs instead.
  const auto safely = [shell](auto handle) {
    return [shell, handle](auto& message) {
      try {
        handle(*shell, message);
      } catch (const std::exception& defect) {
        shell->break_down(defect.what());
      }
    };
  };
  const auto on = [safely]<class Message>(void (scheduler_shell::*handle)(Message&)) {
    return [wrapped = safely([handle](scheduler_shell& to, Message& message) { (to.*handle)(message); })](
               std::remove_const_t<Message>& message) { wrapped(message); };
  };
  return {
      on(&scheduler_shell::beaten),
      on(&scheduler_shell::report),
      on(&scheduler_shell::dropped),
      on(&scheduler_shell::reached),
      on(&scheduler_shell::taken),
      on(&scheduler_shell::submit),
      on(&scheduler_shell::cancel),
      on(&scheduler_shell::cancel_all),
      on(&scheduler_shell::join),
      on(&scheduler_shell::lose),
      on(&scheduler_shell::silent),
      on(&scheduler_shell::leaves),
      on(&scheduler_shell::give_up),
      on(&scheduler_shell::fetched),
      on(&scheduler_shell::unpersist),
      on(&scheduler_shell::release),
      on(&scheduler_shell::forget),
      on(&scheduler_shell::count),
      on(&scheduler_shell::woken),
      on(&scheduler_shell::look_at_load),
      [=](shut_down) {
        shell->stop();
        self->quit();
      },
  };
}

scheduler_actor spawn_scheduler(caf::actor_system& system, const scheduler_setup& setup) {
  return system.spawn(run_scheduler, setup);
}

} // namespace salamander::actors
