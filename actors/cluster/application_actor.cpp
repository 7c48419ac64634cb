#include <salamander/actors/cluster/application_actor.hpp>

#include <salamander/actors/executor_actor.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/actors/net/addresses.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <cstring>
#include <map>

namespace salamander::actors {
namespace {

using machine = scheduler::cluster::roster;

constexpr std::chrono::milliseconds check_interval{250};
/// Registrations whose executor is not known yet; more would be strangers'.
constexpr std::size_t callers_max = 4096;
/// An executor's machine says within this time that nobody listens where it served blocks, or its process is taken to be there.
constexpr std::chrono::milliseconds executor_look_max{500};

struct application_state {
  application_setup setup;
  std::optional<machine> decisions;
  std::map<std::uint32_t, executor_link> links;
  struct caller {
    executor_actor remote;
    peer_place blocks;
  };
  std::map<std::uint32_t, caller> callers; ///< who registered last under a number
};

using application_self = application_actor::stateful_pointer<application_state>;

/// What a worker found in the file that its executor shared with it: one core::task_position for each core.
std::optional<std::vector<stuck_task>> read_positions(const std::string& bytes) {
  if (bytes.empty() || bytes.size() % sizeof(core::task_position) != 0)
    return std::nullopt;
  std::vector<stuck_task> all;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(core::task_position)) {
    core::task_position position;
    std::memcpy(static_cast<void*>(&position), bytes.data() + at, sizeof position);
    if (const auto task = position.task.load(); task != 0)
      all.push_back({task, position.dataset.load(), position.partition.load(), position.record.load()});
  }
  return all;
}

void perform(application_self self, const machine::send_report& what) {
  auto report = what.what;
  if (what.introduce)
    report.described.push_back(*self->state.setup.description);
  report.progress = self->state.setup.progress();
  self->state.setup.report(std::move(report));
}

void perform(application_self self, const machine::seek_master&) {
  self->state.setup.seek_master();
}

void perform(application_self self, const machine::send_files& what) {
  self->state.setup.send_files(what.missing);
}

void perform(application_self self, const machine::admit& who) {
  auto& state = self->state;
  const auto number = who.executor.value;
  const auto caller = state.callers[number];
  state.callers.erase(number);
  state.setup.executors->joined({number, who.cores, who.process, true, "alive", 0, 0});
  link_setup link;
  link.executor = number;
  link.incarnation = who.incarnation;
  link.remote = caller.remote;
  link.scheduler = state.setup.scheduler;
  link.supervisor = self;
  link.executors = state.setup.executors;
  link.refused_messages = state.setup.refused_messages;
  link.limits = {state.setup.silence, state.setup.spec.line_limits(), 2 * state.setup.silence.dead_after};
  link.filter = state.setup.filter;
  if (const auto there = caller.blocks; there.port != 0)
    link.look_for_process = [&system = self->system(), there](std::function<void(bool)> say) {
      system.spawn<caf::detached>([there, say = std::move(say)](caf::event_based_actor*) {
        say(net::refuses_connections({there.host, there.port}, executor_look_max));
      });
    };
  auto& made = state.links[number];
  made = spawn_link(self->system(), link);
  self->monitor(made);
  log(log_level::info,
      fmt::format("executor {} registered: {} on {}, process {}, {} cores", number, who.worker, who.host, who.process, who.cores));
  tell(self, state.setup.scheduler, executor_ready{number, who.cores, who.process, made, who.host, caller.blocks});
}

void perform(application_self self, const machine::welcome_again& who) {
  auto& state = self->state;
  const auto caller = state.callers.extract(who.executor.value);
  if (const auto at = state.links.find(who.executor.value); at != state.links.end() && !caller.empty())
    tell(self, at->second, greet{caf::actor_cast<caf::strong_actor_ptr>(caller.mapped().remote)});
}

void perform(application_self self, const machine::refuse& what) {
  auto& state = self->state;
  state.setup.refused_messages->fetch_add(1, std::memory_order_relaxed);
  tell(self, state.callers[what.executor.value].remote, refused{what.text});
  state.callers.erase(what.executor.value);
}

void perform(application_self self, const machine::bury& dead) {
  auto& state = self->state;
  const auto number = dead.executor.value;
  state.setup.executors->changed(number, false, "dead: " + dead.reason);
  if (const auto at = state.links.find(number); at != state.links.end()) {
    tell(self, at->second, fence{});
    state.links.erase(at);
  }
  if (dead.was_admitted)
    tell(self, state.setup.scheduler, executor_gone{number, dead.reason, read_positions(dead.positions)});
  else
    log(log_level::warn, fmt::format("executor {} ended before it registered: {}", number, dead.reason));
}

void perform(application_self self, const machine::ask_to_leave& who) {
  if (const auto at = self->state.links.find(who.executor.value); at != self->state.links.end())
    tell(self, at->second, leave{"the application ends"});
}

void perform(application_self self, const machine::leaves& who) {
  tell(self, self->state.setup.scheduler, executor_leaves{who.executor.value, who.reason});
}

void perform(application_self self, const machine::joined& what) {
  *self->state.setup.id = what.id;
  self->state.setup.joined->succeed();
}

void perform(application_self self, const machine::manned&) {
  self->state.setup.manned->succeed();
}

void perform(application_self self, const machine::given_up& what) {
  auto& state = self->state;
  log(log_level::error, what.text);
  state.setup.joined->fail(what.code, what.text);
  state.setup.manned->fail(what.code, what.text);
  tell(self, state.setup.scheduler, executors_given_up{what.text});
}

void perform(application_self self, const scheduler::wake_at& what) {
  remind(self, what.when - now(self), check_time{});
}

void perform(application_self, const scheduler::notice& what) {
  using level = scheduler::notice::level;
  log(what.how == level::error ? log_level::error : what.how == level::warning ? log_level::warn : log_level::info, what.text);
}

void feed(application_self self, const machine::event& what) {
  auto& state = self->state;
  const auto actions = state.decisions->handle(what, now(self));
  state.setup.cores->store(state.decisions->cores()); // before anybody is told that they are there
  for (const auto& action : actions)
    std::visit([self](const auto& one) { perform(self, one); }, action);
}

void register_one(application_self self, const register_executor& who) {
  auto& callers = self->state.callers;
  if (callers.size() >= callers_max && !callers.contains(who.executor))
    return;
  callers[who.executor] = {caf::actor_cast<executor_actor>(self->current_sender()), {who.executor, who.blocks.host, who.blocks.port}};
  feed(self, machine::executor_registered{{who.executor},
                                          who.incarnation,
                                          who.process,
                                          who.protocol,
                                          who.cores,
                                          who.protocol == protocol_version ? core::describe_build_mismatch(who.modules) : ""});
}

void hear(application_self self, const master_event& what) {
  if (what.grants)
    feed(self, machine::granted{*what.grants});
  else if (what.connected)
    feed(self, machine::master_found{});
  else
    feed(self, machine::master_lost{});
}

/// A link ends long after its executor's process; if it ends earlier, it had a defect, and nobody watches that process any more.
void link_down(application_self self, const caf::actor_addr& link) {
  for (const auto& [number, one] : self->state.links)
    if (one->address() == link)
      return feed(self, machine::link_lost{{number}, "killed: its link had a defect", false});
}

application_actor::behavior_type run_application(application_self self, const application_setup& setup) {
  auto& state = self->state;
  state.setup = setup;
  state.decisions.emplace(setup.limits, setup.token, now(self));
  self->set_down_handler([self](const caf::down_msg& down) { link_down(self, down.source); });
  remind(self, check_interval, beat{});
  return {
      [=](const register_executor& message) { register_one(self, message); },
      [=](const link_lost& message) {
        feed(self, machine::link_lost{{message.executor}, message.reason, message.connection_ended});
      },
      [=](const kill_executor& message) {
        feed(self, machine::unwanted{{message.executor}, message.reason, message.released});
      },
      [=](check_time) { feed(self, machine::tick{}); },
      [=](shut_down) { feed(self, machine::stop{}); },
      [=](const master_event& message) { hear(self, message); },
      [=](const executors_wanted& message) { feed(self, machine::wanted{message.executors}); },
      [=](beat) {
        feed(self, machine::tick{});
        remind(self, check_interval, beat{});
      },
  };
}

} // namespace

application_actor spawn_application(caf::actor_system& system, const application_setup& setup) {
  return system.spawn(run_application, setup);
}

} // namespace salamander::actors
