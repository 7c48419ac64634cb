// One actor system with our settings, and its bounded end.
#pragma once

#include <salamander/actors/certificates.hpp>
#include <salamander/actors/interfaces.hpp>
#include <salamander/actors/net/addresses.hpp>

#include <optional>
#include <set>

namespace salamander::actors {

/// Runs f on a thread made for it, and passes on what it throws. Systems are made, populated and ended in this way: the framework
/// keeps a reference to the last system in each thread that did so, and exit() destroys those of the main thread before anything
/// that a program may want to end then.
void on_own_thread(const std::function<void()>& f);

/// Of drivers and executors: "salamander/4".
std::string application_protocol();

/// How an actor system talks to others; absent: not at all, and no socket exists.
struct network_settings {
  credentials keys;
  /// Silence after which the transport gives a connection up: longer than our own dead-man timing, which decides.
  std::chrono::milliseconds silence_max{20000};
  /// Systems with another one are refused: what they say to each other changed.
  std::string protocol = application_protocol();
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

  /// Makes a typed actor reachable at an address of this machine for all who have credentials of the same authority; port 0: any.
  /// Returns the port. Errors: errc::io_error.
  template <class Door>
  std::uint16_t publish(const Door& door, const net::address& here = {"127.0.0.1", 0}) {
    return publish_any(caf::actor_cast<caf::strong_actor_ptr>(door), system().message_types(door), here);
  }
  /// Connects to what is published there, again and again until `deadline`. Requires: it is a Door. Errors: errc::executor_lost.
  template <class Door = driver_door>
  Door connect(const net::address& there, std::chrono::steady_clock::time_point deadline) {
    return caf::actor_cast<Door>(connect_any(there, deadline));
  }
  /// As `connect`, but does not try again.
  template <class Door>
  Door try_connect(const net::address& there, std::chrono::steady_clock::time_point deadline) {
    return caf::actor_cast<Door>(try_connect_any(there, deadline));
  }

  /// Ends `actors` and waits for them, no longer than `grace` each for asking and for killing. False: one is stuck, and the system
  /// must not be destroyed.
  bool end(const std::vector<caf::actor>& actors, std::chrono::milliseconds grace);
  /// Gives up on a stuck system: it is never destroyed.
  void abandon() noexcept;

private:
  std::uint16_t publish_any(caf::strong_actor_ptr door, std::set<std::string> types, const net::address& here);
  caf::strong_actor_ptr try_connect_any(const net::address& there, std::chrono::steady_clock::time_point deadline);
  caf::strong_actor_ptr connect_any(const net::address& there, std::chrono::steady_clock::time_point deadline);

  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors
