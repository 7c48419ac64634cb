// Visits the lease of a cluster's masters again and again, and tells this process's master when it leads.
#pragma once

#include <salamander/actors/cluster/lease_file.hpp>
#include <salamander/actors/cluster/master_actor.hpp>

#include <condition_variable>
#include <thread>

namespace salamander::actors {

/// Storage may hang: what the board says runs out by itself then. Threads: any.
class lease_thread {
public:
  struct events {
    std::function<void(std::uint64_t term)> begin;
    std::function<void(const std::string& reason)> end;
    std::function<void(const std::string& leader)> other_leads; ///< when that changes
  };

  /// Errors: errc::io_error when the lease's file cannot be opened.
  lease_thread(const std::filesystem::path& directory, scheduler::cluster::leadership::identity self, std::shared_ptr<leader_board> board,
               events tell);
  lease_thread(const lease_thread&) = delete;
  lease_thread& operator=(const lease_thread&) = delete;
  /// Gives the lease away, if this master has it.
  ~lease_thread();

private:
  void run();
  void visit();

  lease_file file_;
  scheduler::cluster::leadership decisions_;
  const std::string address_;
  const std::shared_ptr<leader_board> board_;
  const events tell_;
  bool led_ = false;
  std::uint64_t led_term_ = 0;
  std::string other_;
  bool storage_fails_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace salamander::actors
