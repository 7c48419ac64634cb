#include "parties.hpp"

#include <algorithm>
#include <utility>

namespace salamander::sim::cluster {
namespace {

constexpr duration visit_every = 200ms;
constexpr duration lock_patience = 1000ms;
constexpr std::int64_t wall_begin = 1'795'300'000;

/// All masters' clocks agree on the day, and go on: what one of them names after its pause is named otherwise by the next one.
std::int64_t wall_at(time_point now) {
  return wall_begin + std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

} // namespace

// -- looking for a leader -----------------------------------------------------

void seeker::seek(const std::string& hint, found then) {
  if (looking_)
    return;
  looking_ = true;
  next_ = (next_ + 1) % in_.masters();
  if (const auto at = in_.index_of(hint); at < in_.masters())
    next_ = at;
  attempt(then, 50ms);
}

void seeker::attempt(const found& then, duration pause) {
  in_.queue.after(pause, whose_, [this, then, pause] {
    in_.connect(next_, host_, whose_, [this, then, pause](const wire& line) {
      if (line) {
        looking_ = false;
        return then(line);
      }
      next_ = (next_ + 1) % in_.masters();
      attempt(then, std::min<duration>(2 * pause, 500ms));
    });
  });
}

// -- the lease ----------------------------------------------------------------

master_party::master_party(world& in, std::uint32_t index, host_id host) : in_(in), index_(index), host_(host) {}

void master_party::start() {
  process_ = in_.queue.start();
  self_.id = "master-" + std::to_string(index_) + "-" + std::to_string(++life_);
  self_.address = "m" + std::to_string(index_) + ":7077";
  self_.boot = in_.what.masters_together ? "boot" : "boot-" + std::to_string(index_);
  lease_.emplace(self_, sc::leadership::settings{});
  decisions_.reset();
  peers_.clear();
  term_ = board_term_ = led_term_ = 0;
  board_until_ = {};
  led_ = heard_ = tear_append_ = false;
  stop_inside_ = {};
  unfinished_ = nullptr;
  next_check_ = time_point::max();
  visit();
}

void master_party::kill() {
  if (!running())
    return;
  in_.note("dies: " + self_.id);
  unfinished_ = nullptr;
  in_.queue.end(process_);
  in_.connections_of_process_end(process_);
  decisions_.reset();
}

void master_party::die_for_a_while() {
  kill();
  in_.queue.after(1s, event_queue::world, [this] {
    if (!running())
      start();
  });
}

void master_party::visit() {
  catch_up();
  lease_->workers(decisions_ && decisions_->workers_expected() > 0, std::exchange(heard_, false), in_.now());
  const auto began = in_.now();
  const bool slow = in_.now() < slow_until_;
  const duration wait = std::chrono::milliseconds(in_.chances.below(slow ? 1500 : 5));
  in_.queue.after(std::min(wait, lock_patience), process_, [this, began, wait] {
    if (wait > lock_patience)
      return written(false); // the lock was not to be had
    look(began);
  });
}

/// Under the lock: one step for everybody else.
void master_party::look(time_point began) {
  catch_up();
  sc::leadership::sight seen;
  seen.record = in_.disk.lease;
  seen.terms_used = in_.disk.journals.empty() ? 0 : in_.disk.journals.rbegin()->first;
  if (seen.record.boot == self_.boot && seen.record.holder != self_.id && !seen.record.holder.empty())
    for (std::uint32_t one = 0; one < in_.masters(); ++one)
      if (in_.master_at(one).address() == seen.record.address)
        seen.holder_is_dead = in_.master_at(one).id() != seen.record.holder || !in_.master_at(one).running();
  const auto next = lease_->visit(seen, began, in_.now());
  if (!lease_->leads(in_.now()))
    board_term_ = 0; // before anybody can read that the lease was given away
  const bool slow = in_.now() < slow_until_;
  const bool fails = next && slow && in_.chances.once_in(4);
  const bool lost = fails && in_.chances.once_in(2); // else it is there, and nobody knows
  if (next && !lost)
    in_.disk.lease = *next;
  in_.queue.after(std::chrono::milliseconds(in_.chances.below(slow ? 800 : 3)), process_,
                  [this, known = next && !fails] { written(known); });
}

void master_party::written(bool known) {
  catch_up();
  lease_->stored(known);
  bool leads = lease_->leads(in_.now());
  leader_ = lease_->leader();
  if (leads && lease_->term() == board_term_ && in_.now() >= board_until_) {
    in_.count("renewals that came too late");
    lease_->lapse();
    leads = false;
  }
  if (leads) {
    board_term_ = lease_->term();
    board_until_ = lease_->leads_until();
  }
  if (led_ && (!leads || led_term_ != lease_->term())) {
    if (!leads)
      board_term_ = 0;
    stop_leading();
  }
  if (leads && (!led_ || led_term_ != lease_->term()))
    in_.queue.after(1ms, process_, [this, term = lease_->term()] { begin(term); });
  led_ = leads;
  led_term_ = lease_->term();
  in_.queue.after(visit_every, process_, [this] { visit(); });
}

// -- leading ------------------------------------------------------------------

void master_party::begin(std::uint64_t term) {
  catch_up();
  if (board_term_ != term || in_.now() >= board_until_)
    return in_.count("terms that were over before they began");
  in_.leader_begins(term, *this);
  in_.note(self_.id + " leads term " + std::to_string(term));
  in_.count("terms");
  sc::master_settings settings;
  settings.applications = in_.what.fair ? sc::master_settings::order::fair : sc::master_settings::order::fifo;
  settings.spread_out = in_.what.spread_out;
  settings.executor_retries = sc::no_limit;
  term_ = term;
  decisions_ = std::make_unique<sc::master>(settings, term, in_.chances.next());
  sc::master::start start;
  if (!in_.disk.journals.empty())
    start.journal = in_.disk.journals.rbegin()->second;
  start.launches = in_.disk.launches;
  const auto actions = decisions_->handle(start, in_.now(), wall_at(in_.now()));
  in_.disk.journals[term] = decisions_->snapshot();
  for (const auto& one : actions)
    perform(one);
}

void master_party::stop_leading() {
  if (!decisions_)
    return;
  in_.note(self_.id + " leads no more");
  decisions_.reset();
}

bool master_party::may_act() {
  if (decisions_ && (board_term_ != term_ || in_.now() >= board_until_))
    stop_leading();
  return decisions_ != nullptr;
}

void master_party::lose(const wire& line) {
  catch_up();
  if (peers_.erase(line->number) > 0 && may_act())
    feed(sc::master::peer_lost{line->number});
}

void master_party::hear(const wire& line, const sc::master::event& what) {
  catch_up();
  if (!may_act()) {
    const auto leader = leader_ == self_.address ? std::string() : leader_;
    return in_.hear(line, [line, leader] {
      if (line->not_leading)
        line->not_leading(leader);
    });
  }
  heard_ = heard_ || std::holds_alternative<sc::master::worker_heard>(what);
  feed(what);
}

/// What was written is answered only by who still leads: whoever leads next has read it then.
void master_party::feed(const sc::master::event& what) {
  const auto actions = decisions_->handle(what, in_.now(), wall_at(in_.now()));
  for (const auto& one : actions)
    if (const auto* record = std::get_if<sc::master::append>(&one))
      in_.check_decision(in_.disk.journals[term_], record->what);
  const bool writes = std::ranges::any_of(actions, [](const auto& one) { return std::holds_alternative<sc::master::append>(one); });
  if (!writes || stop_inside_ == duration::zero())
    return act(term_, actions);
  const auto pause = std::exchange(stop_inside_, duration::zero());
  in_.note(self_.id + " is stopped before it writes");
  in_.count("leaders stopped before they wrote");
  in_.queue.stop(process_);
  unfinished_ = [this, term = term_, actions] { act(term, actions); };
  in_.queue.after(pause, event_queue::world, [this, process = process_] {
    in_.queue.resume(process);
    in_.queue.after(duration::zero(), process, [this] { catch_up(); });
  });
}

/// Whatever it does next, it first does the rest of what it was stopped in.
void master_party::catch_up() {
  if (const auto rest = std::exchange(unfinished_, nullptr))
    rest();
}

void master_party::act(std::uint64_t term, const std::vector<sc::master::action>& actions) {
  auto& journal = in_.disk.journals[term];
  for (const auto& one : actions)
    if (const auto* keep = std::get_if<sc::master::keep_launch>(&one))
      in_.disk.launches[keep->driver] = keep->bytes;
  for (const auto& one : actions)
    if (const auto* record = std::get_if<sc::master::append>(&one)) {
      if (tear_append_ && in_.chances.once_in(2)) {
        in_.count("torn appends");
        return die_for_a_while();
      }
      journal.push_back(record->what);
    }
  if (std::exchange(tear_append_, false) && in_.chances.once_in(2))
    return die_for_a_while(); // all is written, nobody was told
  if (!may_act())
    return;
  for (const auto& one : actions)
    perform(one);
}

void master_party::tick() {
  catch_up();
  next_check_ = time_point::max();
  if (may_act())
    feed(sc::master::tick{});
}

void master_party::perform(const sc::master::action& what) {
  const auto line_to = [this](sc::peer_id to) {
    const auto at = peers_.find(to);
    return at == peers_.end() ? wire() : at->second;
  };
  if (const auto* orders = std::get_if<sc::master::send_orders>(&what)) {
    if (const auto line = line_to(orders->to))
      in_.hear(line, [line, message = orders->what] {
        if (line->orders)
          line->orders(message);
      });
  } else if (const auto* grants = std::get_if<sc::master::send_grants>(&what)) {
    if (const auto line = line_to(grants->to))
      in_.hear(line, [line, message = grants->what] {
        if (line->grants)
          line->grants(message);
      });
  } else if (std::holds_alternative<sc::master::answer_driver>(what) || std::holds_alternative<sc::master::answer_kill>(what)) {
    const auto* asked = std::get_if<sc::master::answer_driver>(&what);
    if (const auto line = line_to(asked ? asked->to : std::get<sc::master::answer_kill>(what).to))
      in_.hear(line, [line, what] {
        if (line->answered)
          line->answered(what);
      });
  } else if (const auto* drop = std::get_if<sc::master::drop_launch>(&what)) {
    in_.disk.launches.erase(drop->driver);
  } else if (const auto* wake = std::get_if<scheduler::wake_at>(&what)) {
    if (wake->when >= next_check_)
      return;
    next_check_ = wake->when;
    in_.queue.at(wake->when, process_, [this] { tick(); });
  } else if (const auto* said = std::get_if<scheduler::notice>(&what)) {
    in_.note(self_.id + ": " + said->text);
  }
}

} // namespace salamander::sim::cluster
