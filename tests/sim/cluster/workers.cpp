#include "parties.hpp"

#include <utility>

namespace salamander::sim::cluster {
namespace {

constexpr duration driver_silent_max = 10s;
/// So long an executor tries to connect to its driver.
constexpr duration connect_max = 30s;

} // namespace

void worker_party::start() {
  process_ = in_.queue.start();
  children_.clear();
  name_ = "worker-" + std::to_string(index_) + "-" + std::to_string(++life_);
  sc::worker_machine::limits limits;
  limits.worker = name_;
  limits.host = "h" + std::to_string(host_);
  limits.cores = in_.what.worker_cores;
  limits.memory_bytes = 1 << 20;
  machine_.emplace(limits);
  seeker_.emplace(in_, host_, process_);
  line_.reset();
  seeker_->seek({}, [this](const wire& line) { use(line); });
}

/// What it has started dies with it.
void worker_party::kill() {
  if (!running())
    return;
  in_.note(name_ + " dies");
  in_.queue.end(process_);
  in_.connections_of_process_end(process_);
  while (!children_.empty())
    end_child(children_.begin()->first, sc::process_end::failed, 137, "killed");
}

void worker_party::leave() {
  if (running())
    feed(sc::worker_machine::stop{});
}

void worker_party::use(const wire& line) {
  line_ = line;
  line->lost = [this, line] {
    if (line_ == line)
      feed(sc::worker_machine::master_lost{});
  };
  line->not_leading = [this, line](const std::string& leader) {
    if (line_ == line)
      feed(sc::worker_machine::master_lost{leader});
  };
  line->orders = [this](const sc::worker_orders& what) { feed(sc::worker_machine::orders_came{what}); };
  feed(sc::worker_machine::master_found{});
}

void worker_party::feed(const sc::worker_machine::event& what) {
  for (const auto& one : machine_->handle(what, in_.now()))
    if (running())
      perform(one);
}

void worker_party::perform(const sc::worker_machine::action& what) {
  if (const auto* report = std::get_if<sc::worker_machine::send_report>(&what)) {
    if (line_)
      in_.say(line_, [line = line_, message = report->report](master_party& at) {
        at.hear(line, sc::master::worker_heard{line->number, message});
      });
  } else if (const auto* seek = std::get_if<sc::worker_machine::seek_master>(&what)) {
    if (line_)
      in_.hang_up(line_);
    line_.reset();
    seeker_->seek(seek->hint, [this](const wire& line) { use(line); });
  } else if (const auto* wanted = std::get_if<sc::worker_machine::fetch_file>(&what)) {
    fetch(wanted->file.sha256);
  } else if (const auto* begun = std::get_if<sc::worker_machine::start_process>(&what)) {
    start_child(*begun);
  } else if (const auto* doomed = std::get_if<sc::worker_machine::kill_process>(&what)) {
    const auto at = children_.find(doomed->process);
    if (at == children_.end() || (at->second->dying && doomed->grace > duration::zero()))
      return;
    at->second->dying = true;
    const duration time = std::chrono::milliseconds(in_.chances.below(1 + static_cast<std::uint64_t>(doomed->grace / 1ms)));
    in_.queue.after(time, process_, [this, key = doomed->process] { end_child(key, sc::process_end::failed, 143, "killed by signal 15"); });
  } else if (const auto* wake = std::get_if<scheduler::wake_at>(&what)) {
    in_.queue.at(wake->when, process_, [this] { feed(sc::worker_machine::tick{}); });
  } else if (std::holds_alternative<sc::worker_machine::end>(what)) {
    in_.count("workers that left");
    kill();
    in_.queue.after(1s, event_queue::world, [this] { // whoever ended it starts it again
      if (!running())
        start();
    });
  } else if (const auto* said = std::get_if<scheduler::notice>(&what)) {
    in_.note(name_ + ": " + said->text);
  }
}

/// From the master, piece by piece: it takes its time.
void worker_party::fetch(const std::string& sha256) {
  in_.queue.after(std::chrono::milliseconds(in_.chances.between(1, 400)), process_, [this, sha256] {
    if (in_.chances.once_in(in_.calm() ? 1U << 30 : 60))
      feed(sc::worker_machine::file_failed{sha256, "the connection ended"});
    else
      feed(sc::worker_machine::file_ready{sha256});
  });
}

void worker_party::start_child(const sc::worker_machine::start_process& what) {
  in_.note(name_ + " starts " + text_of(what.process));
  in_.process_starts(text_of(what.process) + " " + std::to_string(what.process.incarnation));
  if (what.process.driver && !in_.what.submissions[std::stoul(what.launch)].supervise)
    in_.runs_once(what.process.owner, what.process.number);
  auto one = std::make_shared<child>();
  one->key = what.process;
  one->cores = what.cores;
  one->process = in_.queue.start();
  children_[what.process] = one;
  std::uint32_t used = 0;
  for (const auto& [key, each] : children_)
    used += each->cores;
  if (used > in_.what.worker_cores)
    throw broken("more cores used than offered", name_ + ": " + std::to_string(used));
  in_.queue.after(std::chrono::milliseconds(in_.chances.between(5, 200)), process_, [this, one] {
    if (children_.contains(one->key))
      feed(sc::worker_machine::process_started{one->key});
  });
  one->driver_heard = in_.now();
  in_.queue.after(std::chrono::milliseconds(in_.chances.between(10, 400)), one->process, [this, one, launch = what.launch] {
    if (one->key.driver)
      return run_driver(one, launch);
    one->token = launch;
    one->driver_heard = in_.now();
    beat(one);
  });
}

void worker_party::run_driver(const std::shared_ptr<child>& one, const std::string& launch) {
  const auto number = static_cast<std::size_t>(std::stoul(launch));
  const auto& what = in_.what.submissions[number];
  const auto token = "0000000000000" + std::to_string(1000 + number) + std::to_string(10000 + one->key.number);
  auto driver = std::make_unique<driver_party>(in_, token, host_, one->process, 1, one->key.owner);
  one->driver = driver.get();
  in_.add_driver(std::move(driver));
  one->driver->start();
  in_.count("drivers started");
  const bool fails = one->key.number <= what.failures;
  in_.queue.after(fails ? what.works / 3 : what.works, one->process, [this, one, fails] {
    if (!fails)
      one->driver->finish();
    in_.queue.after(20ms, one->process, [this, one, fails] {
      end_child(one->key, fails ? sc::process_end::failed : sc::process_end::finished, fails ? 3 : 0,
                fails ? "exited with code 3" : "exited with code 0");
    });
  });
}

/// An executor and its driver hear of each other, or give each other up.
void worker_party::beat(const std::shared_ptr<child>& one) {
  const auto silent = in_.now() - one->driver_heard;
  if (one->connected && silent >= driver_silent_max) {
    in_.count("executors that lost their driver");
    return end_child(one->key, sc::process_end::driver_gone, 81, "lost its driver");
  }
  if (!one->connected && silent >= connect_max) {
    in_.count("executors that did not find their driver");
    return end_child(one->key, sc::process_end::failed, 83, "could not connect to its driver");
  }
  if (auto* const driver = in_.driver_with(one->token)) {
    driver_party::link mine;
    mine.incarnation = one->key.incarnation;
    mine.host = host_;
    mine.process = one->process;
    mine.answer = [this, one, driver](bool accepted) {
      in_.send(driver->host(), host_, one->process, [this, one, accepted] {
        if (!accepted)
          return end_child(one->key, sc::process_end::failed, 1, "was refused by its driver");
        one->driver_heard = in_.now();
        one->accepted = true;
      });
    };
    mine.leave = [this, one, driver] {
      in_.send(driver->host(), host_, one->process,
               [this, one] { end_child(one->key, sc::process_end::finished, 0, "exited with code 0"); });
    };
    in_.send(host_, driver->host(), driver->process(), [this, one, driver, mine] {
      if (!std::exchange(one->connected, true))
        one->driver_heard = in_.now();
      driver->beat(one->key.number, mine);
    });
    if (!driver->running() && one->accepted) // a transport notices the end of the process at the other side
      in_.tell_loss(driver->host(), host_, one->process,
                    [this, one] { end_child(one->key, sc::process_end::driver_gone, 77, "lost its driver"); });
  }
  in_.queue.after(500ms, one->process, [this, one] { beat(one); });
}

void worker_party::end_child(sc::process_key key, sc::process_end how, std::int32_t code, const std::string& reason) {
  const auto at = children_.find(key);
  if (at == children_.end())
    return;
  const auto one = at->second;
  children_.erase(at);
  in_.note(text_of(key) + " of " + name_ + " ends: " + reason);
  in_.queue.end(one->process);
  if (one->driver) {
    in_.connections_of_process_end(one->process);
    in_.count(how == sc::process_end::finished ? "drivers that ended well" : "drivers that ended badly");
    if (how == sc::process_end::finished)
      in_.finished_well(key.owner);
  } else if (auto* const driver = in_.driver_with(one->token)) {
    in_.tell_loss(host_, driver->host(), driver->process(), [driver, key] { driver->executor_died(key.number, key.incarnation); });
  }
  // The worker sees it a moment later; without the worker nobody does.
  in_.queue.after(2ms, process_, [this, key, how, code, reason] { feed(sc::worker_machine::process_ended{key, how, code, reason, {}}); });
}

void worker_party::kill_child(std::uint32_t number) {
  if (children_.empty())
    return;
  end_child(std::next(children_.begin(), number % children_.size())->first, sc::process_end::failed, 137, "killed by signal 9");
}

} // namespace salamander::sim::cluster
