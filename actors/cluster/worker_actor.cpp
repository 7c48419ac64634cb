#include <salamander/actors/cluster/worker_actor.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/scheduler/cluster/file_fetches.hpp>

#include <fmt/format.h>

namespace salamander::actors {
namespace {

using machine = scheduler::cluster::worker_machine;
using fetches = scheduler::cluster::file_fetches;
using scheduler::cluster::process_key;

/// Of one answer to read_log.
constexpr std::uint32_t log_bytes_max = 256U << 10;

struct worker_state {
  worker_setup setup;
  std::optional<machine> decisions;
  fetches fetching;
  std::shared_ptr<worker_files> files;
  std::unique_ptr<worker_processes> processes;
  master_door master;
  std::map<process_key, std::uint32_t> latest_attempts; ///< of drivers, for their logs
  const piece* arriving = nullptr;
  std::unique_ptr<process_runner> runner; ///< last: its thread uses the rest
};

using worker_self = worker_actor::stateful_pointer<worker_state>;

void feed(worker_self self, const machine::event& what);
void feed(worker_self self, const fetches::event& what);

// -- what was decided about processes -----------------------------------------

void perform(worker_self self, const machine::send_report& what) {
  auto report = what.report;
  report.proof = self->state.setup.proof;
  tell(self, self->state.master, std::move(report));
}

void perform(worker_self self, const machine::seek_master& what) {
  self->state.master = nullptr;
  feed(self, fetches::line_lost{});
  self->state.setup.seek(what.hint);
}

void perform(worker_self self, const machine::fetch_file& what) {
  auto& state = self->state;
  try {
    if (state.files->has(what.file.sha256))
      return feed(self, machine::file_ready{what.file.sha256});
    state.files->begin(what.file.sha256);
  } catch (const std::exception& failure) {
    return feed(self, machine::file_failed{what.file.sha256, failure.what()});
  }
  feed(self, fetches::wanted{what.file});
}

void perform(worker_self self, const machine::start_process& what) {
  auto& state = self->state;
  const auto& key = what.process;
  try {
    state.runner->start(state.processes->prepare(what));
  } catch (const std::exception& failure) {
    log(log_level::error, fmt::format("{} cannot be started: {}", text_of(key), failure.what()));
    self->send(self, process_over{{key, false, 0, failure.what()}});
  }
}

void perform(worker_self self, const machine::kill_process& what) {
  self->state.runner->kill(what.process, std::chrono::ceil<std::chrono::milliseconds>(what.grace));
}

void perform(worker_self self, const machine::owner_over& what) {
  self->state.files->over(what.owner);
}

void perform(worker_self self, const machine::registered&) {
  self->state.setup.registered();
}

void perform(worker_self self, const machine::end& what) {
  self->state.setup.ended(what.exit_code, what.reason);
}

void perform(worker_self self, const scheduler::wake_at& what) {
  remind(self, what.when - now(self), check_time{});
}

void perform(worker_self, const scheduler::notice& what) {
  using level = scheduler::notice::level;
  log(what.how == level::error ? log_level::error : what.how == level::warning ? log_level::warn : log_level::info, what.text);
}

// -- what was decided about files ---------------------------------------------

void perform(worker_self self, const fetches::ask_piece& what) {
  tell(self, self->state.master, fetch_piece{what.sha256, what.offset});
}

void perform(worker_self self, const fetches::keep_piece& what) {
  auto& state = self->state;
  try {
    state.files->append(what.sha256, state.arriving->bytes);
    if (!what.last)
      return;
    state.files->finish(what.sha256);
    feed(self, machine::file_ready{what.sha256});
  } catch (const error& failure) {
    state.files->give_up(what.sha256);
    feed(self, fetches::dropped{what.sha256});
    feed(self, machine::file_failed{what.sha256, failure.what()});
  }
}

void perform(worker_self self, const fetches::failed& what) {
  self->state.files->give_up(what.sha256);
  feed(self, machine::file_failed{what.sha256, what.reason});
}

void feed(worker_self self, const machine::event& what) {
  for (const auto& action : self->state.decisions->handle(what, now(self)))
    std::visit([self](const auto& one) { perform(self, one); }, action);
}

void feed(worker_self self, const fetches::event& what) {
  for (const auto& action : self->state.fetching.handle(what, now(self)))
    std::visit([self](const auto& one) { perform(self, one); }, action);
}

// -- what happened ------------------------------------------------------------

void use_master(worker_self self, const master_door& door) {
  auto& state = self->state;
  state.master = door;
  self->monitor(door);
  feed(self, machine::master_found{});
  feed(self, fetches::line_found{});
}

void master_down(worker_self self, const caf::actor_addr& who) {
  const auto& master = self->state.master;
  if (master && master->address() == who)
    feed(self, machine::master_lost{});
}

log_read answer(worker_self self, const read_log& what) {
  log_read made;
  made.request = what.request;
  const auto& state = self->state;
  try {
    auto number = what.executor;
    if (number == cluster::no_limit) {
      const auto at = state.latest_attempts.find({true, what.id, 0, 0});
      const auto latest = at != state.latest_attempts.end() ? at->second : state.files->latest_process(what.id);
      if (!latest)
        core::throw_error(errc::input_not_found, "this worker has not run " + what.id);
      number = *latest;
    }
    const auto part =
        read_log_part(state.files->process(what.id, number), what.stream, what.offset, std::min(what.bytes_max, log_bytes_max));
    made.process = number;
    made.runs = state.decisions->runs(what.id, number);
    made.text = part.text;
    made.offset = part.offset;
    made.end = part.end;
  } catch (const error& failure) {
    made.failure = failure.what();
  }
  return made;
}

void began(worker_self self, const process_key& key) {
  if (key.driver)
    self->state.latest_attempts[{true, key.owner, 0, 0}] = key.number;
  log(log_level::info, text_of(key) + " runs");
  feed(self, machine::process_started{key});
}

void over(worker_self self, const run_end& end) {
  auto what = self->state.processes->finish(end);
  log(log_level::info, fmt::format("{} ended: {}", text_of(end.process), what.reason));
  feed(self, what);
}

void clean(worker_self self) {
  auto& state = self->state;
  state.files->clean(state.decisions->owners(), state.setup.kept_for);
  std::erase_if(state.latest_attempts, [&](const auto& one) {
    std::error_code failed;
    return !std::filesystem::exists(state.files->owner(one.first.owner), failed);
  });
  remind(self, state.setup.clean_every, clean_up{});
}

runner_events events_for(worker_self self) {
  // The runner ends with the actor's state; until then the address is that of a living actor.
  const caf::actor_addr address = self->address();
  const auto post_to_self = [address](auto message) {
    if (const auto door = caf::actor_cast<worker_actor>(address))
      post(door, std::move(message));
  };
  return {[post_to_self](const process_key& key, pid_t) { post_to_self(process_began{key}); },
          [post_to_self](const run_end& end) { post_to_self(process_over{end}); },
          [](const std::string& text) { log(log_level::warn, text); }};
}

worker_actor::behavior_type run_worker_actor(worker_self self, const worker_setup& setup) {
  auto& state = self->state;
  state.setup = setup;
  state.decisions.emplace(setup.limits);
  state.files = setup.files;
  state.processes = std::make_unique<worker_processes>(*state.files, setup.around);
  state.runner = std::make_unique<process_runner>(events_for(self), setup.logs);
  self->set_down_handler([self](const caf::down_msg& down) { master_down(self, down.source); });
  self->attach_functor([ended = setup.ended](const caf::error& why) {
    if (why && why != caf::exit_reason::user_shutdown && why != caf::exit_reason::kill)
      ended(1, "a defect has ended the worker's actor");
  });
  remind(self, setup.clean_every, clean_up{});
  return {
      [=](const not_leading& message) { feed(self, machine::master_lost{message.leader}); },
      [=](const cluster::worker_orders& message) { feed(self, machine::orders_came{message}); },
      [=](const piece& message) {
        self->state.arriving = &message;
        feed(self, fetches::piece_came{message.sha256, message.offset, message.total, message.bytes.size()});
        self->state.arriving = nullptr;
      },
      [=](const read_log& message) { tell(self, caf::actor_cast<master_door>(self->current_sender()), answer(self, message)); },
      [=](const master_connected& message) { use_master(self, message.door); },
      [=](const process_began& message) { began(self, message.process); },
      [=](const process_over& message) { over(self, message.end); },
      [=](check_time) {
        feed(self, machine::tick{});
        feed(self, fetches::tick{});
      },
      [=](clean_up) { clean(self); },
      [=](stop_worker) { feed(self, machine::stop{}); },
  };
}

} // namespace

worker_actor spawn_worker(caf::actor_system& system, const worker_setup& setup) {
  return system.spawn<caf::detached>(run_worker_actor, setup);
}

} // namespace salamander::actors
