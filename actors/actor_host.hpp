// One actor system with our settings, and its bounded end.
#pragma once

#include <salamander/actors/certificates.hpp>
#include <salamander/actors/interfaces.hpp>

#include <optional>

namespace salamander::actors {

/// Runs f on a thread made for it, and passes on what it throws. Systems are made, populated and ended in this way: the framework
/// keeps a reference to the last system in each thread that did so, and exit() destroys those of the main thread before anything
/// that a program may want to end then.
void on_own_thread(const std::function<void()>& f);

/// How an actor system talks to others; absent: not at all, and no socket exists.
struct network_settings {
  credentials keys;
  /// Silence after which the transport gives a connection up: longer than our own dead-man timing, which decides.
  std::chrono::milliseconds silence_max{20000};
};

/// Threads: any. Users' signal handlers never run on its threads.
class actor_host {
public:
  /// Errors: errc::io_error when the network cannot be used.
  explicit actor_host(const std::optional<network_settings>& network);
  actor_host(const actor_host&) = delete;
  actor_host& operator=(const actor_host&) = delete;
  ~actor_host();

  caf::actor_system& system() noexcept;

  /// Makes `door` reachable on 127.0.0.1; returns the port. Errors: errc::io_error.
  std::uint16_t publish(const driver_door& door);
  /// Connects to a published door, again and again until `deadline`. Errors: errc::executor_lost.
  driver_door connect(const std::string& host, std::uint16_t port, std::chrono::steady_clock::time_point deadline);

  /// Ends `actors` and waits for them, no longer than `grace` each for asking and for killing. False: one is stuck, and the system
  /// must not be destroyed.
  bool end(const std::vector<caf::actor>& actors, std::chrono::milliseconds grace);
  /// Gives up on a stuck system: it is never destroyed.
  void abandon() noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors
