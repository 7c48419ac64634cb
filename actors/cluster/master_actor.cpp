#include <salamander/actors/cluster/master_actor.hpp>

#include <salamander/actors/cluster/file_store.hpp>
#include <salamander/actors/cluster/log_relay.hpp>
#include <salamander/actors/cluster/master_journal.hpp>
#include <salamander/actors/log.hpp>

#include <fmt/format.h>

#include <map>
#include <random>

namespace salamander::actors {

bool leader_board::lead_until(std::uint64_t term, clock::time_point until) {
  const std::lock_guard lock(mutex_);
  if (term != 0 && term == term_ && clock::now() >= until_)
    return false;
  term_ = term;
  until_ = until;
  return true;
}

void leader_board::follow(const std::string& leader) {
  const std::lock_guard lock(mutex_);
  leader_ = leader;
}

bool leader_board::leads(std::uint64_t term) const {
  const std::lock_guard lock(mutex_);
  return term_ == term && clock::now() < until_;
}

std::string leader_board::leader() const {
  const std::lock_guard lock(mutex_);
  return leader_;
}

void leader_board::note_workers(std::size_t expected, bool heard) {
  workers_expected_ = expected;
  if (heard)
    heard_ = true;
}

namespace {

using machine = scheduler::cluster::master;
using cluster::peer_id;

/// Peers that said something; beyond, those that are not workers or drivers are forgotten, and may ask again.
constexpr std::size_t peers_max = 10'000;

struct master_state {
  master_setup setup;
  std::uint64_t term = 0;
  std::string address;
  std::unique_ptr<machine> decisions; ///< while it leads
  std::unique_ptr<master_journal> journal;
  std::unique_ptr<file_store> files;
  log_relay logs;
  std::map<peer_id, caf::strong_actor_ptr> peers;
  std::map<caf::actor_addr, peer_id> numbers;
  peer_id last_peer = cluster::no_peer;
  std::chrono::steady_clock::time_point next_check = std::chrono::steady_clock::time_point::max();
};

using master_self = master_actor::stateful_pointer<master_state>;

std::int64_t seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint64_t random_number() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) | source();
}

template <class Line, class T>
void answer(master_self self, const caf::strong_actor_ptr& to, T message) {
  if (to)
    tell(self, caf::actor_cast<Line>(to), std::move(message));
}

template <class Line, class T>
void answer(master_self self, peer_id to, T message) {
  if (const auto at = self->state.peers.find(to); at != self->state.peers.end())
    answer<Line>(self, at->second, std::move(message));
}

/// Who is speaking. Its end is an event.
peer_id peer_of(master_self self) {
  auto& state = self->state;
  const auto& sender = self->current_sender();
  const auto address = caf::actor_cast<caf::actor_addr>(sender);
  if (const auto at = state.numbers.find(address); at != state.numbers.end())
    return at->second;
  if (state.peers.size() >= peers_max) { // the oldest one has to speak again to be known
    state.numbers.erase(caf::actor_cast<caf::actor_addr>(state.peers.begin()->second));
    state.peers.erase(state.peers.begin());
  }
  const auto number = ++state.last_peer;
  state.peers[number] = sender;
  state.numbers[address] = number;
  self->monitor(sender);
  return number;
}

// -- what was decided ---------------------------------------------------------

void perform(master_self self, const machine::keep_launch& what) {
  self->state.journal->keep_launch(what.driver, what.bytes);
}

void perform(master_self, const machine::append&) {
  // Written before all others, at once.
}

void perform(master_self self, const machine::drop_launch& what) {
  self->state.journal->drop_launch(what.driver);
}

void perform(master_self self, const machine::send_orders& what) {
  answer<worker_line>(self, what.to, what.what);
}

void perform(master_self self, const machine::send_grants& what) {
  answer<application_line>(self, what.to, what.what);
}

void perform(master_self self, const machine::answer_driver& what) {
  answer<submitter_line>(self, what.to, driver_submitted{what.request, what.driver, what.missing, what.refused});
}

void perform(master_self self, const machine::answer_kill& what) {
  answer<submitter_line>(self, what.to, request_done{what.request, what.done, what.text});
}

void perform(master_self self, const scheduler::wake_at& what) {
  auto& next = self->state.next_check;
  if (what.when >= next)
    return;
  next = what.when;
  remind(self, what.when - now(self), check_time{});
}

void perform(master_self, const scheduler::notice& what) {
  using level = scheduler::notice::level;
  log(what.how == level::error ? log_level::error : what.how == level::warning ? log_level::warn : log_level::info, what.text);
}

void stop_leading(master_self self, const std::string& reason) {
  auto& state = self->state;
  if (!state.decisions)
    return;
  log(log_level::warn, fmt::format("leads no more: {}", reason));
  state.decisions.reset();
  state.journal.reset();
  state.files.reset();
  state.setup.board->note_workers(0, false);
}

/// Returns whether it still leads.
bool feed(master_self self, const machine::event& what) {
  auto& state = self->state;
  const auto actions = state.decisions->handle(what, now(self), seconds_since_1970());
  std::vector<cluster::journal_record> records;
  for (const auto& action : actions)
    if (const auto* keep = std::get_if<machine::keep_launch>(&action))
      perform(self, *keep);
    else if (const auto* record = std::get_if<machine::append>(&action))
      records.push_back(record->what);
  state.journal->append(records);
  // Whoever leads next has read what was written while the lease held. Records of a master that was stopped meanwhile may have come too
  // late for that, so nobody is told of them.
  if (!records.empty() && !state.setup.board->leads(state.term)) {
    stop_leading(self, "the lease ran out while the journal was written");
    return false;
  }
  for (const auto& action : actions)
    if (!std::holds_alternative<machine::keep_launch>(action))
      std::visit([self](const auto& one) { perform(self, one); }, action);
  return true;
}

// -- leading ------------------------------------------------------------------

void begin_leading(master_self self, const begin_term& message) {
  auto& state = self->state;
  stop_leading(self, "another term begins");
  if (!state.setup.board->leads(message.term))
    return; // this process was stopped, and another master may lead
  const auto term = state.term = message.term;
  state.address = message.address;
  try {
    state.journal = std::make_unique<master_journal>(state.setup.journalled ? state.setup.directory : std::filesystem::path());
    state.files = std::make_unique<file_store>(state.setup.directory / "files", state.setup.file_bytes_max);
    auto start = state.journal->read();
    state.decisions = std::make_unique<machine>(state.setup.settings, term, random_number());
    const auto actions = state.decisions->handle(start, now(self), seconds_since_1970());
    // The start's own records are in the snapshot.
    state.journal->begin(term, state.decisions->snapshot());
    for (const auto& action : actions)
      std::visit([self](const auto& one) { perform(self, one); }, action);
  } catch (const error& failure) {
    state.decisions.reset();
    state.setup.on_failure(failure.what());
    return;
  }
  if (!state.setup.board->leads(term))
    return stop_leading(self, "the lease ran out as it began");
  state.setup.on_lead(term);
}

/// Whether it leads; if it does not, says so to whoever asks.
bool leads(master_self self) {
  auto& state = self->state;
  if (state.decisions && !state.setup.board->leads(state.term))
    stop_leading(self, "the lease was not renewed in time");
  if (state.decisions)
    return true;
  const auto leader = state.setup.board->leader();
  answer<submitter_line>(self, self->current_sender(), not_leading{leader == state.address ? std::string() : leader});
  return false;
}

void check(master_self self) {
  auto& state = self->state;
  state.next_check = std::chrono::steady_clock::time_point::max();
  if (state.decisions && !state.setup.board->leads(state.term))
    stop_leading(self, "the lease was not renewed in time");
  if (!state.decisions)
    return;
  if (!feed(self, machine::tick{}))
    return;
  state.journal->tend([&] { return state.decisions->snapshot(); });
  state.setup.board->note_workers(state.decisions->workers_expected(), false);
}

// -- what was said ------------------------------------------------------------

void report(master_self self, cluster::worker_report& message) {
  if (!self->state.setup.proves(message.worker, message.proof)) {
    log(log_level::error, "refused a worker that does not know the secret of the nodes");
    cluster::worker_orders orders;
    orders.term = self->state.term;
    orders.sequence = message.sequence;
    orders.recovering = true;
    orders.refused = "it does not know the secret of the cluster's nodes: start it with the credentials of a node";
    return answer<worker_line>(self, self->current_sender(), std::move(orders));
  }
  const auto from = peer_of(self);
  if (feed(self, machine::worker_heard{from, std::move(message)}))
    self->state.setup.board->note_workers(self->state.decisions->workers_expected(), true);
}

std::vector<cluster::stored_file> all_files(const std::vector<cluster::stored_file>& program,
                                            const std::vector<cluster::stored_file>& files) {
  auto all = program;
  all.insert(all.end(), files.begin(), files.end());
  return all;
}

void report(master_self self, cluster::application_report& message) {
  std::vector<cluster::stored_file> missing;
  if (!message.described.empty()) {
    const auto& what = message.described.front();
    missing = self->state.files->missing(all_files(what.program, what.files));
  }
  const auto from = peer_of(self);
  feed(self, machine::application_heard{from, std::move(message), std::move(missing)});
}

void submit(master_self self, submit_driver& message) {
  if (message.protocol != cluster::cluster_protocol_version)
    return answer<submitter_line>(self, self->current_sender(),
                                  driver_submitted{message.request,
                                                   {},
                                                   {},
                                                   fmt::format("the master speaks version {} of the cluster's protocol, and you version {}",
                                                               cluster::cluster_protocol_version, message.protocol)});
  auto missing = self->state.files->missing(all_files(message.what.program, message.what.files));
  if (missing.empty())
    if (const auto why = self->state.journal->stage_launch(message.what.launch); !why.empty())
      return answer<submitter_line>(self, self->current_sender(),
                                    driver_submitted{message.request, {}, {}, "the master cannot write it down: " + why});
  const auto from = peer_of(self);
  feed(self, machine::driver_asked{from, message.request, std::move(message.token), std::move(message.what), std::move(missing)});
}

void take_piece(master_self self, const piece& message) {
  auto& state = self->state;
  state.files->keep(state.decisions->files_in_use());
  const auto stored = state.files->take(message);
  answer<submitter_line>(self, self->current_sender(), stored); // drivers understand it, too
  if (stored.failure.empty() && state.files->has(message.sha256))
    feed(self, machine::file_arrived{message.sha256});
}

void tell_status(master_self self, const ask_status& message) {
  status_told told{message.request, self->state.decisions->summary(now(self), message.id)};
  told.what.master = self->state.address;
  answer<submitter_line>(self, self->current_sender(), std::move(told));
}

/// Why no worker can be asked for a log.
std::string why_unread(master_self self, const read_log& message) {
  const auto known = self->state.decisions->summary(now(self), message.id);
  if (known.applications.empty() && known.drivers.empty())
    return "the cluster knows no driver or application " + message.id;
  const bool submitted = !known.drivers.empty() || !known.applications.front().submitted_as.empty();
  if (message.executor == cluster::no_limit && !submitted) {
    std::string numbers;
    for (const auto& one : known.executors)
      numbers += ' ' + std::to_string(one.executor);
    return "the driver of " + message.id + " does not run on the cluster; name one of its executors by its number" +
           (numbers.empty() ? ", which begin at 0" : ": it has" + numbers);
  }
  if (message.executor != cluster::no_limit)
    return message.id + " has had no executor " + std::to_string(message.executor) + ", or the worker that ran it is not connected";
  return "the worker where it runs or ran is not connected";
}

/// The driver of an application that runs on the cluster itself; else nothing.
std::string submitted_driver(master_self self, const std::string& application) {
  for (const auto& one : self->state.decisions->summary(now(self), application).applications)
    if (one.id == application)
      return one.submitted_as;
  return "";
}

void pass_on(master_self self, read_log& message) {
  const auto asker = self->current_sender();
  if (message.executor == cluster::no_limit)
    if (auto driver = submitted_driver(self, message.id); !driver.empty())
      message.id = std::move(driver);
  const auto to = self->state.decisions->worker_of(message.id, message.executor);
  const auto request = message.request;
  const auto worker = self->state.peers.find(to);
  if (worker == self->state.peers.end())
    return answer<submitter_line>(self, asker, log_read{request, {}, 0, 0, why_unread(self, message)});
  message.request = self->state.logs.add({asker, request, caf::actor_cast<caf::actor_addr>(worker->second)});
  answer<worker_line>(self, to, std::move(message));
}

void pass_back(master_self self, log_read& message) {
  const auto asked = self->state.logs.take(message.request, caf::actor_cast<caf::actor_addr>(self->current_sender()));
  message.request = asked.request;
  answer<submitter_line>(self, asked.asker, std::move(message));
}

void lose(master_self self, const caf::actor_addr& who) {
  auto& state = self->state;
  const auto at = state.numbers.find(who);
  if (at == state.numbers.end())
    return;
  const auto number = at->second;
  state.numbers.erase(at);
  state.peers.erase(number);
  if (state.decisions && state.setup.board->leads(state.term))
    feed(self, machine::peer_lost{number});
}

master_actor::behavior_type run_master(master_self self, const master_setup& setup) {
  self->state.setup = setup;
  self->set_down_handler([self](const caf::down_msg& down) { lose(self, down.source); });
  return {
      [=](cluster::worker_report& message) {
        if (leads(self))
          report(self, message);
      },
      [=](cluster::application_report& message) {
        if (leads(self))
          report(self, message);
      },
      [=](cluster::application_ended& message) {
        if (leads(self))
          feed(self, machine::application_left{peer_of(self), message});
      },
      [=](const fetch_piece& message) {
        if (leads(self))
          answer<worker_line>(self, self->current_sender(), self->state.files->give(message));
      },
      [=](const piece& message) {
        if (leads(self))
          take_piece(self, message);
      },
      [=](submit_driver& message) {
        if (leads(self))
          submit(self, message);
      },
      [=](const kill_on_cluster& message) {
        if (leads(self))
          feed(self, machine::kill_asked{peer_of(self), message.request, message.id, message.reason});
      },
      [=](const ask_status& message) {
        if (leads(self))
          tell_status(self, message);
      },
      [=](read_log& message) {
        if (leads(self))
          pass_on(self, message);
      },
      [=](log_read& message) {
        if (leads(self))
          pass_back(self, message);
      },
      [=](const begin_term& message) { begin_leading(self, message); },
      [=](const end_term& message) { stop_leading(self, message.reason); },
      [=](check_time) { check(self); },
      [=](shut_down) { self->quit(); },
  };
}

} // namespace

master_actor spawn_master(caf::actor_system& system, const master_setup& setup) {
  return system.spawn(run_master, setup);
}

} // namespace salamander::actors
