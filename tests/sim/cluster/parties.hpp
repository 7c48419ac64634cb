// Who lives in a simulated cluster: shells around the shipped state machines, as the actors are in real processes.
#pragma once

#include "world.hpp"

#include <salamander/scheduler/cluster/roster.hpp>
#include <salamander/scheduler/cluster/worker.hpp>

#include <optional>

namespace salamander::sim::cluster {

/// Where somebody looks for a leader: one after the other, beginning with a hint. See actors/cluster/master_line.hpp.
class seeker {
public:
  using found = std::function<void(const wire&)>;

  seeker(world& in, host_id host, process_id whose) : in_(in), host_(host), whose_(whose) {}
  void seek(const std::string& hint, found then);
  bool looking() const noexcept {
    return looking_;
  }

private:
  void attempt(const found& then, duration pause);

  world& in_;
  host_id host_;
  process_id whose_;
  std::uint32_t next_ = 0;
  bool looking_ = false;
};

// -- masters ------------------------------------------------------------------

/// A master's process: the thread that visits the lease, and the actor that decides while it leads.
class master_party {
public:
  master_party(world& in, std::uint32_t index, host_id host);

  void start();
  void kill();
  bool running() const {
    return !in_.queue.ended(process_);
  }
  process_id process() const noexcept {
    return process_;
  }
  host_id host() const noexcept {
    return host_;
  }
  const std::string& id() const noexcept {
    return self_.id;
  }
  const std::string& address() const noexcept {
    return self_.address;
  }
  /// Whether it may act as the leader, by its own clock, and is in a state to do so.
  bool leads() const {
    return running() && decisions_ && board_term_ == term_ && in_.now() < board_until_;
  }
  const sc::master& decisions() const {
    return *decisions_;
  }
  std::uint64_t term() const noexcept {
    return term_;
  }
  void accept(const wire& line) {
    peers_[line->number] = line;
  }
  void lose(const wire& line);
  void hear(const wire& line, const sc::master::event& what);

  // What may go wrong next.
  void stop_inside(duration time) noexcept {
    stop_inside_ = time;
  }
  void tear_append() noexcept {
    tear_append_ = true;
  }
  void slow_lease(time_point until) noexcept {
    slow_until_ = until;
  }

private:
  void die_for_a_while();
  void visit();
  void look(time_point began);
  void written(bool known);
  void begin(std::uint64_t term);
  void stop_leading();
  void feed(const sc::master::event& what);
  void act(std::uint64_t term, const std::vector<sc::master::action>& actions);
  void catch_up();
  void tick();
  void perform(const sc::master::action& what);
  bool may_act();

  world& in_;
  const std::uint32_t index_;
  const host_id host_;
  process_id process_ = 0;
  std::uint32_t life_ = 0;
  sc::leadership::identity self_;
  std::optional<sc::leadership> lease_;
  std::unique_ptr<sc::master> decisions_;
  std::uint64_t term_ = 0;
  std::uint64_t board_term_ = 0;
  time_point board_until_{};
  std::string leader_;
  bool led_ = false;
  std::uint64_t led_term_ = 0;
  bool heard_ = false;
  std::map<sc::peer_id, wire> peers_;
  duration stop_inside_{};
  std::function<void()> unfinished_; ///< what it was stopped in
  bool tear_append_ = false;
  time_point slow_until_{};
  time_point next_check_ = time_point::max();
};

// -- drivers ------------------------------------------------------------------

/// A driver's process: what it has to do with the cluster, and links to its executors.
class driver_party {
public:
  driver_party(world& in, std::string token, host_id host, process_id whose, std::uint32_t cores_max, std::string submitted_as);

  void start();
  /// The program is at its end: executors are asked to leave, the master is told.
  void finish();
  void end_process();
  bool running() const {
    return !in_.queue.ended(process_);
  }
  process_id process() const noexcept {
    return process_;
  }
  host_id host() const noexcept {
    return host_;
  }
  const std::string& token() const noexcept {
    return token_;
  }
  const std::string& id() const {
    return machine_->id();
  }
  bool over() const noexcept {
    return over_;
  }
  std::uint32_t cores() const {
    return machine_->cores();
  }
  std::uint32_t cores_max() const noexcept {
    return description_.cores_max;
  }
  /// Leaders have had its reports lately: none of them has a reason to end its application.
  bool heard() const;
  time_point heard_at() const noexcept {
    return heard_at_;
  }
  bool has(std::uint32_t executor, std::uint64_t incarnation) const;
  std::size_t executors() const noexcept {
    return links_.size();
  }

  /// An executor that this driver talks to.
  struct link {
    std::uint64_t incarnation = 0;
    time_point last_beat{};
    host_id host = 0;
    process_id process = 0;
    std::function<void(bool accepted)> answer;
    std::function<void()> leave;
  };
  void beat(std::uint32_t executor, const link& from);
  void executor_died(std::uint32_t executor, std::uint64_t incarnation);

private:
  void feed(const sc::roster::event& what);
  void perform(const sc::roster::action& what);
  void use(const wire& line);
  void watch();

  world& in_;
  const std::string token_;
  const host_id host_;
  const process_id process_;
  sc::application_description description_;
  std::optional<sc::roster> machine_;
  seeker seeker_;
  wire line_;
  bool over_ = false;
  bool finished_ = false;
  std::string hint_;
  std::uint64_t heard_ = 0; ///< the newest report that a leader had
  time_point heard_at_{};   ///< a leader had its report
  std::map<std::uint32_t, link> links_;
  std::map<std::uint32_t, link> callers_;
  std::set<std::uint32_t> admitted_;
};

// -- workers ------------------------------------------------------------------

/// A worker's process and those that it has started, which end with it.
class worker_party {
public:
  worker_party(world& in, std::uint32_t index, host_id host) : in_(in), index_(index), host_(host) {}

  void start();
  void kill();
  void leave();
  bool running() const {
    return process_ != 0 && !in_.queue.ended(process_);
  }
  process_id process() const noexcept {
    return process_;
  }
  host_id host() const noexcept {
    return host_;
  }
  const std::string& name() const noexcept {
    return name_;
  }
  /// Living processes of drivers and executors.
  struct child {
    sc::process_key key;
    std::uint32_t cores = 0;
    process_id process = 0;
    driver_party* driver = nullptr; ///< it is one
    time_point driver_heard{};      ///< it is an executor's
    bool connected = false;         ///< to its driver, once
    bool accepted = false;
    std::string token; ///< of its application
    bool dying = false;
  };
  const std::map<sc::process_key, std::shared_ptr<child>>& children() const noexcept {
    return children_;
  }
  void kill_child(std::uint32_t number);

private:
  void feed(const sc::worker_machine::event& what);
  void perform(const sc::worker_machine::action& what);
  void use(const wire& line);
  void fetch(const std::string& sha256);
  void start_child(const sc::worker_machine::start_process& what);
  void run_driver(const std::shared_ptr<child>& one, const std::string& launch);
  void beat(const std::shared_ptr<child>& one);
  void end_child(sc::process_key key, sc::process_end how, std::int32_t code, const std::string& reason);

  world& in_;
  const std::uint32_t index_;
  const host_id host_;
  process_id process_ = 0;
  std::uint32_t life_ = 0;
  std::string name_;
  std::optional<sc::worker_machine> machine_;
  std::optional<seeker> seeker_;
  wire line_;
  std::map<sc::process_key, std::shared_ptr<child>> children_;
};

// -- submitters ---------------------------------------------------------------

/// Submits one driver and stays until the cluster has said its identifier; may ask for its end later.
class submitter_party {
public:
  submitter_party(world& in, host_id host, std::uint32_t number);

  void start();
  void ask_to_kill();
  const std::string& driver() const noexcept {
    return driver_;
  }
  bool kill_asked() const noexcept {
    return kill_asked_;
  }
  const planned_submission& what() const {
    return in_.what.submissions[number_];
  }

private:
  void ask();
  void seek(const std::string& hint);

  world& in_;
  const host_id host_;
  const std::uint32_t number_;
  process_id process_ = 0;
  seeker seeker_;
  wire line_;
  std::string driver_;
  bool kill_asked_ = false;
  bool kill_done_ = false;
};

} // namespace salamander::sim::cluster
