// One simulated cluster: machines, links between them, storage that masters share, and who lives there. The state machines are the
// shipped ones; what lies around them is simulated.
#pragma once

#include "plan.hpp"

#include <salamander/scheduler/cluster/journal_records.hpp>
#include <salamander/scheduler/cluster/leadership.hpp>
#include <salamander/scheduler/cluster/master.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>

namespace salamander::sim::cluster {

namespace sc = scheduler::cluster;
using host_id = std::uint32_t;
using process_id = event_queue::process;

class master_party;
class worker_party;
class driver_party;
class submitter_party;

/// An invariant does not hold.
struct broken : std::runtime_error {
  broken(std::string check_name, const std::string& text) : std::runtime_error(text), check(std::move(check_name)) {}
  std::string check;
};

/// A connection that somebody made to a master. Each end learns by itself that it is over.
struct connection {
  sc::peer_id number = sc::no_peer;
  std::uint32_t master = 0;
  process_id server = 0;
  host_id client_host = 0;
  process_id client = 0;
  bool open_at_client = true;
  bool open_at_server = true;
  std::function<void()> lost;                                ///< told to the client
  std::function<void(const sc::worker_orders&)> orders;      ///< what it hears, as far as it is one who listens to that
  std::function<void(const sc::application_grants&)> grants; ///< the same
  std::function<void(const sc::master::action&)> answered;   ///< the same
  std::function<void(const std::string& leader)> not_leading;
};
using wire = std::shared_ptr<connection>;

/// What masters keep in the directory that they share.
struct storage {
  sc::lease_record lease;
  std::map<std::uint64_t, std::vector<sc::journal_record>> journals; ///< by term
  std::map<std::string, std::string> launches;
  std::set<std::string> files; ///< hashes
};

struct outcome {
  std::uint64_t seed = 0;
  bool failed = false;
  std::string check;
  std::string text;
  std::uint64_t events = 0;
  std::uint64_t hash = 0; ///< over all that happened
  duration converged_after{};
  std::map<std::string, std::uint64_t> counts; ///< of what happened, by name
};

class world {
public:
  world(const plan& what, bool trace);
  ~world();

  outcome run();

  // -- what parties use
  time_point now() const noexcept {
    return queue.now();
  }
  void note(const std::string& text); ///< for the trace and the hash
  void count(const std::string& event) {
    ++counts_[event];
  }
  bool reaches(host_id from, host_id to) const;
  bool calm() const noexcept {
    return calm_;
  }
  /// Lets it arrive once, never or twice, some time later.
  void send(host_id from, host_id to, process_id whose, std::function<void()> arrival);
  /// A transport's own word that a connection or process is gone: it comes when the link works within 20 s, else by a timeout.
  void tell_loss(host_id from, host_id to, process_id whose, std::function<void()> arrival);
  void arrive_when_reachable(host_id from, host_id to, process_id whose, const std::function<void()>& arrival, time_point until);
  /// Calls back with a wire, or with nullptr when that master cannot be reached.
  void connect(std::uint32_t master, host_id from, process_id whose, std::function<void(wire)> done);
  void say(const wire& line, std::function<void(master_party&)> what); ///< to the master
  void hear(const wire& line, std::function<void()> what);             ///< from the master
  void hang_up(const wire& line);                                      ///< by the client
  void connections_of_process_end(process_id which);

  host_id new_host() noexcept {
    return next_host_++;
  }
  driver_party* driver_with(const std::string& token);
  void add_driver(std::unique_ptr<driver_party> one);
  /// A process of an application or driver starts; it must never have before.
  void process_starts(const std::string& key);
  void runs_once(const std::string& driver, std::uint32_t attempt);
  /// A leader is about to write this. Whoever it concerns may learn it much later, so what is right now is asked for.
  void check_decision(const std::vector<sc::journal_record>& journal, const sc::journal_record& what);
  void leader_begins(std::uint64_t term, const master_party& who);
  void finished_well(const std::string& driver) {
    finished_well_.insert(driver);
  }
  master_party& master_at(std::uint32_t index) {
    return *masters_[index];
  }
  std::uint32_t masters() const noexcept {
    return what.masters;
  }
  std::uint32_t index_of(const std::string& address) const; ///< masters() when it is none

  const plan& what;
  event_queue queue;
  random_stream chances;
  storage disk;

private:
  void hurt(const planned_fault& fault);
  void hurt_link(const planned_fault& fault);
  void kill_some_process(std::uint32_t number);
  void heal();
  void check_always();
  std::string why_not_converged();
  void check_forgotten(time_point healed);
  std::string why_workers_wait(const sc::cluster_summary& all) const;
  std::string why_executors_wait() const;
  std::string why_drivers_wait(const sc::cluster_summary& all) const;
  master_party* leader();

  const bool trace_;
  bool calm_ = false;
  host_id next_host_ = 0;
  std::map<host_id, int> deaf_;
  std::map<host_id, int> mute_;
  std::vector<wire> wires_;
  std::vector<std::weak_ptr<connection>> all_wires_;
  sc::peer_id next_peer_ = 0;
  std::vector<std::unique_ptr<master_party>> masters_;
  std::vector<std::unique_ptr<worker_party>> workers_;
  std::vector<std::unique_ptr<driver_party>> drivers_;
  std::vector<std::unique_ptr<submitter_party>> submitters_;
  std::map<std::string, driver_party*> drivers_by_token_;
  std::vector<driver_party*> clients_;
  std::set<std::string> processes_started_;
  std::set<std::string> finished_well_; ///< drivers of which a process has
  std::set<std::string> run_once_;      ///< drivers without supervision that were started
  std::uint64_t last_term_ = 0;
  std::map<std::string, std::uint64_t> counts_;
  std::uint64_t hash_ = 0;
};

outcome run(const plan& what, bool trace = false);

} // namespace salamander::sim::cluster
