#include "driver_model.hpp"

#include "executor_model.hpp"

#include <algorithm>

namespace salamander::sim {

using scheduler::no_executor;
using sup = scheduler::executor_supervisor;

namespace {

constexpr std::uint32_t protocol = 1;

sup::limits supervisor_limits(const cluster_settings& settings) {
  sup::limits made;
  made.slots = settings.slots;
  made.protocol = protocol;
  made.register_timeout = settings.register_timeout;
  made.restarts = settings.restarts;
  return made;
}

executor_session::limits session_limits(const cluster_settings& settings) {
  executor_session::limits made;
  made.silence.suspect_after = settings.suspect_after;
  made.silence.dead_after = settings.dead_after;
  made.silence.watcher_gap_max = settings.heartbeat;
  made.channel = settings.channel;
  made.order_deadline = settings.order_deadline;
  return made;
}

} // namespace

driver_model::driver_model(world& around, world::process self, std::uint32_t generation)
    : world_(around), self_(self), generation_(generation), graph_(graph_of(around.plan)), machine_(around.settings.scheduler),
      supervisor_(supervisor_limits(around.settings)), process_checks_(around), job_checks_(around, machine_) {}

driver_model::~driver_model() = default;

void driver_model::begin() {
  for (const auto& one : graph_)
    for (std::uint32_t p = 0; one->how == op::held && p < one->partitions; ++p)
      store_.put(storage::block_id::source(one->id.value, p), typed_block(source_records(*one, p)));
  for (std::uint32_t slot = 0; slot < world_.settings.slots; ++slot)
    oversee(sup::slot_due{slot, mix(world_.plan.seed ^ mix(generation_)) + next_incarnation_++});
  tick();
  const auto start = world_.now();
  for (std::size_t i = 0; i < world_.plan.jobs.size(); ++i)
    world_.queue.at(start + world_.plan.jobs[i].at, self_, [this, i] { submit(i); });
  for (const auto& one : world_.plan.releases)
    world_.queue.at(start + one.at, self_, [this, one] { release(one); });
}

void driver_model::stop() {
  oversee(sup::stop{});
}

// -- the supervisor -----------------------------------------------------------

void driver_model::oversee(const supervisor::event& what) {
  for (const auto& one : supervisor_.handle(what, world_.now()))
    perform(one);
}

void driver_model::perform(const supervisor::action& what) {
  if (const auto* starting = std::get_if<sup::start_process>(&what)) {
    start(*starting);
  } else if (const auto* killed = std::get_if<sup::kill_process>(&what)) {
    kill(killed->executor, killed->reason, killed->grace);
  } else if (const auto* admitted = std::get_if<sup::admit>(&what)) {
    admit(*admitted);
  } else if (const auto* again = std::get_if<sup::welcome_again>(&what)) {
    if (const auto at = links_.find(again->executor); at != links_.end()) {
      const auto process = at->second.process;
      world_.send(self_, process, welcome{});
      session_event(again->executor, executor_session::connection_made{}, process);
    }
  } else if (const auto* stranger = std::get_if<sup::refuse>(&what)) {
    world_.send(self_, static_cast<world::process>(stranger->process), refused{});
  } else if (const auto* buried = std::get_if<sup::bury>(&what)) {
    bury(*buried);
  } else if (const auto* later = std::get_if<sup::start_later>(&what)) {
    process_checks_.restart_planned(*later, supervisor_.stopping());
    world_.queue.at(later->when, self_, [this, slot = later->slot] {
      oversee(sup::slot_due{slot, mix(world_.plan.seed ^ mix(generation_)) + next_incarnation_++});
    });
  } else if (const auto* none = std::get_if<sup::exhausted>(&what)) {
    process_checks_.exhausted();
    tell(scheduler::executors_exhausted{none->text});
  } else if (const auto* leaves = std::get_if<sup::ask_to_leave>(&what)) {
    command(leaves->executor, leave{});
  } else if (const auto* wakes = std::get_if<scheduler::wake_at>(&what)) {
    world_.queue.at(wakes->when, self_, [this] { oversee(sup::tick{}); });
  }
}

void driver_model::start(const supervisor::start_process& what) {
  process_checks_.starts(what, supervisor_.stopping());
  world_.log.add(world_.now(), "executor started", what.executor.value, what.slot);
  processes_[what.executor] = world_.start_executor(what.slot, what.executor, what.incarnation, self_);
}

void driver_model::kill(executor_id executor, const std::string& reason, duration grace) {
  const auto at = processes_.find(executor);
  if (at == processes_.end())
    return;
  const auto process = at->second;
  world_.queue.after(grace, event_queue::world, [&around = world_, process, reason] { around.end_executor(process, reason); });
}

void driver_model::process_ended(executor_id executor, const std::string& reason, const std::vector<std::uint64_t>& positions) {
  last_positions_[executor] = positions;
  processes_.erase(executor);
  process_checks_.ended(executor);
  oversee(sup::process_ended{executor, reason});
}

void driver_model::admit(const supervisor::admit& what) {
  process_checks_.admitted(what.executor);
  world_.log.add(world_.now(), "executor admitted", what.executor.value);
  ++world_.counts.progress;
  const auto process = static_cast<world::process>(what.process);
  links_.emplace(what.executor, link{process, executor_session(what.incarnation, session_limits(world_.settings), world_.now()), 1, 1, {}});
  world_.send(self_, process, welcome{});
  const auto hosts = world_.settings.hosts;
  job_checks_.executor_known(what.executor);
  tell(scheduler::executor_joined{what.executor, what.cores, hosts == 0 ? "" : "host" + std::to_string(what.executor.value % hosts)});
}

void driver_model::bury(const supervisor::bury& what) {
  world_.log.add(world_.now(), "executor buried", what.executor.value);
  world_.counts.executors_lost += supervisor_.stopping() ? 0 : 1;
  if (const auto at = links_.find(what.executor); at != links_.end()) {
    session_event(what.executor, executor_session::fenced{}, at->second.process);
    // Links outlive their executors for a while: what comes late is refused, and the sender told to leave.
    fenced_.insert_or_assign(what.executor, std::move(at->second));
    links_.erase(at);
  }
  if (!what.was_admitted)
    return;
  scheduler::executor_lost lost{what.executor, what.reason, {}};
  lost.positions.emplace();
  for (const auto task : last_positions_[what.executor])
    lost.positions->emplace_back(task_id{task}, "somewhere in its function");
  last_positions_.erase(what.executor);
  for (auto at = attempts_.begin(); at != attempts_.end();) {
    if (at->second.executor == what.executor)
      result_fetches_.erase(at->first.value);
    at = at->second.executor == what.executor ? attempts_.erase(at) : std::next(at);
  }
  outstanding_.erase(what.executor);
  tell(std::move(lost));
}

// -- sessions -----------------------------------------------------------------

driver_model::link* driver_model::find(executor_id executor) {
  if (const auto at = links_.find(executor); at != links_.end())
    return &at->second;
  const auto at = fenced_.find(executor);
  return at == fenced_.end() ? nullptr : &at->second;
}

void driver_model::receive(world::process from, const control& what) {
  if (const auto* stranger = std::get_if<register_executor>(&what))
    return oversee(sup::executor_registered{stranger->executor, stranger->incarnation, stranger->process, protocol, stranger->cores, {}});
  if (const auto* one = std::get_if<report_parcel>(&what))
    return session_event(one->executor, executor_session::parcel_arrived{one->what, one->what.message.bytes()}, from);
  if (const auto* state = std::get_if<state_from_executor>(&what))
    return session_event(state->executor, executor_session::state_arrived{state->state.incarnation, state->state.state}, from);
  if (const auto* alive = std::get_if<beat_message>(&what))
    return session_event(alive->executor, executor_session::beat_arrived{alive->incarnation, alive->sequence, alive->state}, from);
}

void driver_model::session_event(executor_id executor, executor_session::event what, world::process from) {
  if (auto* const to = find(executor))
    perform(executor, from, to->session.handle(std::move(what), world_.now()));
}

void driver_model::perform(executor_id executor, world::process from, std::vector<executor_session::action> actions) {
  auto* const of = find(executor);
  const auto process = of->process;
  for (auto& one : actions) {
    if (auto* parcel = std::get_if<executor_session::send_parcel>(&one)) {
      world_.send(self_, process, order_parcel{std::move(parcel->what)});
    } else if (const auto* state = std::get_if<executor_session::send_state>(&one)) {
      world_.send(self_, process, session_state{state->incarnation, state->state});
    } else if (auto* delivered = std::get_if<executor_session::deliver>(&one)) {
      reported(executor, delivered->message);
    } else if (const auto* alive = std::get_if<executor_session::answer_beat>(&one)) {
      world_.send(self_, process, session_state{of->session.line().incarnation(), alive->state});
    } else if (std::holds_alternative<executor_session::suspected>(one)) {
      tell(scheduler::executor_suspected{executor});
    } else if (std::holds_alternative<executor_session::recovered>(one)) {
      tell(scheduler::executor_recovered{executor});
    } else if (const auto* over = std::get_if<executor_session::ended>(&one)) {
      world_.log.add(world_.now(), "session ended", executor.value, static_cast<int>(over->why.why));
      oversee(sup::link_lost{executor, over->why.text, over->why.why == scheduler::session_end::cause::disconnected});
    } else if (const auto* refusal = std::get_if<executor_session::refuse>(&one)) {
      if (refusal->tell_to_leave)
        world_.send(self_, from, leave_now{});
    }
  }
}

void driver_model::connection_lost(world::process executor) {
  for (const auto& [id, one] : links_)
    if (one.process == executor)
      return session_event(id, executor_session::connection_lost{}, executor);
}

void driver_model::tick() {
  std::vector<executor_id> all;
  for (const auto& [id, one] : links_)
    all.push_back(id);
  for (const auto id : all)
    session_event(id, executor_session::tick{}, event_queue::world);
  check_cancelled_tasks();
  world_.queue.after(world_.settings.heartbeat / 2, self_, [this] { tick(); });
}

void driver_model::command(executor_id executor, decltype(order::what) what) {
  const auto at = links_.find(executor);
  if (at == links_.end() || at->second.session.over())
    return;
  order made{at->second.next_order++, std::move(what)};
  const auto bytes = made.bytes();
  session_event(executor, executor_session::order_given{std::move(made), bytes}, at->second.process);
}

void driver_model::command_all(const decltype(order::what)& what) {
  std::vector<executor_id> all;
  for (const auto& [id, one] : links_)
    all.push_back(id);
  for (const auto id : all)
    command(id, what);
}

bool driver_model::can_work() {
  return std::any_of(links_.begin(), links_.end(), [&](const auto& entry) {
    const auto& one = entry.second;
    return !one.session.over() && one.session.health() == scheduler::executor_monitor::health::alive && world_.executor(one.process) &&
           !world_.queue.stopped(one.process);
  });
}

// -- checks -------------------------------------------------------------------

void driver_model::check_after_event() {
  check(supervisor_.living() <= world_.settings.slots, "S6 one owner",
        [] { return std::string("more executors live than there are slots"); });
  std::uint32_t cores = 0;
  for (const auto& [id, one] : links_) {
    const auto& line = one.session.line();
    const auto name = [id = id] { return "executor " + std::to_string(id.value); };
    check(line.unconfirmed() <= world_.settings.channel.window_messages && line.held_back() <= 64 &&
              line.waiting() <= world_.settings.channel.waiting_messages_max,
          "S9 bounds", [&] { return name() + ": a queue of its session is longer than its limit"; });
    cores += world_.settings.slots_of_each();
    if (running_)
      continue;
    const auto outstanding = outstanding_[id];
    check(machine_.running_tasks(id) == outstanding, "S7 cores", [&] {
      return name() + ": the scheduler counts " + std::to_string(machine_.running_tasks(id)) + " tasks there, " +
             std::to_string(outstanding) + " are not reported";
    });
    check(outstanding <= world_.settings.slots_of_each() * (1 + world_.settings.scheduler.lookahead_tasks_max), "S6 slots",
          [&] { return name() + ": more tasks are sent there than it has slots"; });
  }
  if (!running_)
    check(machine_.total_cores() == cores, "S7 cores", [&] {
      return "the scheduler counts slots for " + std::to_string(machine_.total_cores()) + " tasks, there are " + std::to_string(cores);
    });
}

bool driver_model::all_confirmed() const {
  return std::all_of(links_.begin(), links_.end(), [](const auto& entry) {
    const auto& one = entry.second.session;
    return !one.over() && one.line().unconfirmed() == 0 && one.line().waiting() == 0;
  });
}

void driver_model::check_empty() {
  check(memory_.used_bytes() == 0, "S7 memory",
        [&] { return "the driver still accounts for " + std::to_string(memory_.used_bytes()) + " bytes of blocks"; });
  check(results_.empty(), "S7 memory", [] { return std::string("results were left in the driver"); });
}

void driver_model::check_cancelled_tasks() {
  for (const auto& [task, one] : attempts_) {
    const auto at = links_.find(one.executor);
    if (!one.cancelled_at || world_.disturbed() || at == links_.end() || at->second.session.over())
      continue;
    const auto since = std::max(*one.cancelled_at, world_.calm_since());
    check(world_.now() - since <= std::chrono::seconds(5), "L3 cancel",
          [&, id = task] { return "task " + std::to_string(id.value) + " was cancelled and has not ended 5 s later"; });
  }
}

} // namespace salamander::sim
