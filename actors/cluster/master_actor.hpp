// A master's actor: answers workers, drivers and submitters; a shell around scheduler::cluster::master.
#pragma once

#include <salamander/actors/caf.hpp>
#include <salamander/actors/cluster/messages.hpp>
#include <salamander/scheduler/cluster/master.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>

namespace salamander::actors {

/// What the lease's thread and the actor tell each other. Threads: any.
class leader_board {
public:
  using clock = std::chrono::steady_clock;

  /// From the lease's thread. A term that has run out is not made longer, as the actor may have stopped leading by then: returns false.
  bool lead_until(std::uint64_t term, clock::time_point until);
  void follow(const std::string& leader);
  /// Whether this process may act as the leader of that term at this moment. The actor asks before it does anything.
  bool leads(std::uint64_t term) const;
  std::string leader() const;

  /// From the actor.
  void note_workers(std::size_t expected, bool heard);
  std::size_t workers_expected() const noexcept {
    return workers_expected_;
  }
  bool take_heard() noexcept {
    return heard_.exchange(false);
  }

private:
  mutable std::mutex mutex_;
  std::uint64_t term_ = 0;
  clock::time_point until_{};
  std::string leader_;
  std::atomic<std::size_t> workers_expected_ = 0;
  std::atomic<bool> heard_ = false;
};

struct master_setup {
  scheduler::cluster::master_settings settings;
  /// Where the journal and stored files are kept; without `journalled` only files are, and they may go with the process.
  std::filesystem::path directory;
  bool journalled = true;
  std::uint64_t file_bytes_max = 0;
  std::function<bool(const std::string& worker, const std::string& proof)> proves;
  std::shared_ptr<leader_board> board;
  std::function<void(std::uint64_t term)> on_lead;    ///< it answers as the leader from now on
  std::function<void(const std::string&)> on_failure; ///< it cannot lead: the journal cannot be read
};

/// From the lease's thread: begin to lead, or stop.
struct begin_term {
  std::uint64_t term = 0;
  std::string address; ///< "host:port" of this master
};
struct end_term {
  std::string reason;
};

using master_actor = master_door::extend<caf::reacts_to<begin_term>, caf::reacts_to<end_term>,
                                         caf::reacts_to<check_time>, // own clock
                                         caf::reacts_to<shut_down>>;

master_actor spawn_master(caf::actor_system& system, const master_setup& setup);

} // namespace salamander::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::begin_term)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::end_term)
