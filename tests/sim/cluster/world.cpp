#include "parties.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace salamander::sim::cluster {
namespace {

constexpr duration transport_silence_max = 20s;

} // namespace

world::world(const plan& planned, bool trace) : what(planned), chances(planned.seed, 2), trace_(trace) {
  const auto machine = new_host();
  for (std::uint32_t at = 0; at < what.masters; ++at)
    masters_.push_back(std::make_unique<master_party>(*this, at, what.masters_together ? machine : new_host()));
  for (std::uint32_t at = 0; at < what.workers; ++at)
    workers_.push_back(std::make_unique<worker_party>(*this, at, new_host()));
  const auto client_host = new_host();
  for (std::uint32_t at = 0; at < what.submissions.size(); ++at)
    submitters_.push_back(std::make_unique<submitter_party>(*this, client_host, at));
}

// What a connection calls may hold the connection.
world::~world() {
  for (const auto& one : all_wires_)
    if (const auto line = one.lock()) {
      line->lost = nullptr;
      line->orders = nullptr;
      line->grants = nullptr;
      line->answered = nullptr;
      line->not_leading = nullptr;
    }
}

void world::note(const std::string& text) {
  for (const char each : text)
    hash_ = (hash_ ^ static_cast<unsigned char>(each)) * 0x100000001b3ULL;
  hash_ = (hash_ ^ static_cast<std::uint64_t>(now().time_since_epoch().count())) * 0x100000001b3ULL;
  if (trace_)
    std::printf("%9.3f  %s\n", std::chrono::duration<double>(now() - beginning).count(), text.c_str());
}

// -- links --------------------------------------------------------------------

bool world::reaches(host_id from, host_id to) const {
  const auto cut = [](const std::map<host_id, int>& ones, host_id which) {
    const auto at = ones.find(which);
    return at != ones.end() && at->second > 0;
  };
  return from == to || (!cut(mute_, from) && !cut(deaf_, to));
}

void world::send(host_id from, host_id to, process_id whose, std::function<void()> arrival) {
  if (!calm_ && chances.chance(what.lost_percent))
    return count("messages lost");
  const int copies = !calm_ && chances.chance(what.repeated_percent) ? 2 : 1;
  const auto longest = calm_ ? 5 : static_cast<std::uint64_t>(what.delay_max / 1ms);
  for (int copy = 0; copy < copies; ++copy)
    queue.after(std::chrono::milliseconds(chances.between(1, longest)), event_queue::world, [this, from, to, whose, arrival] {
      if (reaches(from, to))
        queue.after(duration::zero(), whose, arrival); // once the process runs
    });
}

void world::tell_loss(host_id from, host_id to, process_id whose, std::function<void()> arrival) {
  const auto until = now() + transport_silence_max;
  queue.after(std::chrono::milliseconds(chances.between(1, 20)), event_queue::world,
              [this, from, to, whose, arrival, until] { arrive_when_reachable(from, to, whose, arrival, until); });
}

// Tried again like a segment of TCP, until the other side's own patience is over.
void world::arrive_when_reachable(host_id from, host_id to, process_id whose, const std::function<void()>& arrival, time_point until) {
  if (reaches(from, to) || now() >= until) {
    queue.after(duration::zero(), whose, arrival);
    return;
  }
  queue.after(500ms, event_queue::world,
              [this, from, to, whose, arrival, until] { arrive_when_reachable(from, to, whose, arrival, until); });
}

void world::connect(std::uint32_t master, host_id from, process_id whose, std::function<void(wire)> done) {
  auto& there = *masters_[master];
  const bool up = there.running() && !queue.stopped(there.process()) && reaches(from, there.host()) && reaches(there.host(), from);
  const bool refused = !there.running() && reaches(from, there.host()) && reaches(there.host(), from);
  if (!up)
    return queue.after(refused ? 2ms : 2000ms, whose, [done] { done(nullptr); });
  const auto line = std::make_shared<connection>();
  line->number = ++next_peer_;
  line->master = master;
  line->server = there.process();
  line->client_host = from;
  line->client = whose;
  there.accept(line);
  wires_.push_back(line);
  all_wires_.push_back(line);
  queue.after(std::chrono::milliseconds(chances.between(2, 30)), whose, [done, line] { done(line); });
}

void world::say(const wire& line, std::function<void(master_party&)> message) {
  send(line->client_host, masters_[line->master]->host(), line->server, [this, line, message] {
    if (line->open_at_server)
      message(*masters_[line->master]);
  });
}

void world::hear(const wire& line, std::function<void()> message) {
  send(masters_[line->master]->host(), line->client_host, line->client, [line, message] {
    if (line->open_at_client)
      message();
  });
}

void world::hang_up(const wire& line) {
  if (!std::exchange(line->open_at_client, false))
    return;
  tell_loss(line->client_host, masters_[line->master]->host(), line->server, [this, line] {
    if (std::exchange(line->open_at_server, false))
      masters_[line->master]->lose(line);
  });
}

void world::connections_of_process_end(process_id which) {
  for (const auto& line : wires_) {
    if (line->client == which)
      hang_up(line);
    if (line->server == which && std::exchange(line->open_at_server, false))
      tell_loss(masters_[line->master]->host(), line->client_host, line->client, [line] {
        if (std::exchange(line->open_at_client, false) && line->lost)
          line->lost();
      });
  }
  std::erase_if(wires_, [](const wire& one) { return !one->open_at_client && !one->open_at_server; });
}

// -- who is there -------------------------------------------------------------

driver_party* world::driver_with(const std::string& token) {
  const auto at = drivers_by_token_.find(token);
  return at == drivers_by_token_.end() ? nullptr : at->second;
}

void world::add_driver(std::unique_ptr<driver_party> one) {
  drivers_by_token_[one->token()] = one.get();
  drivers_.push_back(std::move(one));
}

std::uint32_t world::index_of(const std::string& address) const {
  for (std::uint32_t at = 0; at < what.masters; ++at)
    if (masters_[at]->address() == address)
      return at;
  return what.masters;
}

// -- what happens -------------------------------------------------------------

void world::hurt(const planned_fault& fault) {
  auto& master = *masters_[fault.who % masters_.size()];
  auto& worker = *workers_[fault.who % workers_.size()];
  note("fault: " + fault.text());
  const auto stop = [&](process_id whose) {
    if (queue.ended(whose) || queue.stopped(whose))
      return;
    queue.stop(whose);
    queue.after(fault.lasts, event_queue::world, [this, whose] { queue.resume(whose); });
  };
  const auto start_later = [&](auto& one) {
    queue.after(fault.lasts, event_queue::world, [&one] {
      if (!one.running())
        one.start();
    });
  };
  count("fault: " + std::string(name_of(fault.kind)));
  switch (fault.kind) {
  case fault_kind::kill_master:
    master.kill();
    return start_later(master);
  case fault_kind::stop_master:
    return stop(master.process());
  case fault_kind::pause_inside:
    for (const auto& one : masters_)
      one->stop_inside(fault.lasts);
    return;
  case fault_kind::torn_append:
    for (const auto& one : masters_)
      one->tear_append();
    return;
  case fault_kind::slow_lease:
    for (const auto& one : masters_)
      one->slow_lease(now() + fault.lasts);
    return;
  case fault_kind::kill_worker:
    worker.kill();
    return start_later(worker);
  case fault_kind::stop_worker:
    return worker.running() ? stop(worker.process()) : void();
  case fault_kind::leave_worker:
    return worker.leave();
  case fault_kind::kill_process:
    return worker.kill_child(fault.who / 8);
  case fault_kind::kill_client:
  case fault_kind::stop_client:
    if (clients_.empty())
      return;
    return fault.kind == fault_kind::kill_client ? clients_[fault.who % clients_.size()]->end_process()
                                                 : stop(clients_[fault.who % clients_.size()]->process());
  case fault_kind::ask_to_kill:
    if (!submitters_.empty())
      submitters_[fault.who % submitters_.size()]->ask_to_kill();
    return;
  default:
    return hurt_link(fault);
  }
}

void world::hurt_link(const planned_fault& fault) {
  const host_id host = fault.who % next_host_;
  if (fault.kind == fault_kind::reset) {
    for (const auto& line : wires_) {
      if (line->client_host != host && masters_[line->master]->host() != host)
        continue;
      queue.after(std::chrono::milliseconds(chances.between(1, 20)), line->client, [line] {
        if (std::exchange(line->open_at_client, false) && line->lost)
          line->lost();
      });
      queue.after(std::chrono::milliseconds(chances.between(1, 20)), line->server, [this, line] {
        if (std::exchange(line->open_at_server, false))
          masters_[line->master]->lose(line);
      });
    }
    return;
  }
  const bool out = fault.kind != fault_kind::cut_incoming;
  const bool in = fault.kind != fault_kind::cut_outgoing;
  mute_[host] += out;
  deaf_[host] += in;
  queue.after(fault.lasts, event_queue::world, [this, host, out, in] {
    if (calm_)
      return;
    mute_[host] -= out;
    deaf_[host] -= in;
  });
}

void world::heal() {
  note("all is healed");
  calm_ = true;
  mute_.clear();
  deaf_.clear();
  for (const auto& one : masters_) {
    queue.resume(one->process());
    one->stop_inside({});
    one->slow_lease({});
    if (!one->running())
      one->start();
  }
  for (const auto& one : workers_) {
    queue.resume(one->process());
    if (!one->running())
      one->start();
  }
  for (const auto& one : drivers_)
    queue.resume(one->process());
}

outcome world::run() {
  outcome made;
  made.seed = what.seed;
  if (trace_)
    std::printf("%s", what.text().c_str());
  try {
    for (const auto& one : masters_)
      one->start();
    for (const auto& one : workers_)
      one->start();
    for (std::size_t at = 0; at < submitters_.size(); ++at)
      queue.after(what.submissions[at].at, event_queue::world, [this, at] { submitters_[at]->start(); });
    for (std::size_t at = 0; at < what.clients.size(); ++at)
      queue.after(what.clients[at].at, event_queue::world, [this, at] {
        const auto& one = what.clients[at];
        const auto process = queue.start();
        add_driver(
            std::make_unique<driver_party>(*this, "ffffffffffffff" + std::to_string(100 + at), new_host(), process, one.cores_max, ""));
        auto* const client = drivers_.back().get();
        clients_.push_back(client);
        client->start();
        if (one.works == duration::zero())
          return;
        queue.after(one.works, process, [this, client, process] {
          client->finish();
          queue.after(50ms, process, [client] { client->end_process(); });
        });
      });
    for (const auto& fault : what.faults)
      queue.after(fault.at, event_queue::world, [this, fault] { hurt(fault); });
    const auto healed = beginning + what.disturbed;
    while (queue.step(healed))
      check_always();
    heal();
    for (auto until = healed + 1s;; until += 1s) {
      while (queue.step(until))
        check_always();
      check_forgotten(healed);
      const auto why = why_not_converged();
      made.converged_after = until - healed;
      if (why.empty())
        break;
      if (until - healed >= 60s)
        throw broken("does not converge", why);
    }
  } catch (const broken& what_is) {
    made.failed = true;
    made.check = what_is.check;
    made.text = what_is.what();
    note("broken: " + made.check + ": " + made.text);
  }
  made.events = queue.happened();
  made.hash = hash_;
  made.counts = std::move(counts_);
  return made;
}

outcome run(const plan& planned, bool trace) {
  return world(planned, trace).run();
}

} // namespace salamander::sim::cluster
