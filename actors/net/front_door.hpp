// Lets in who has credentials. Strangers cost a bounded amount of memory for a bounded time, and never reach anything behind it.
#pragma once

#include <salamander/actors/net/tls.hpp>

#include <atomic>
#include <functional>
#include <list>
#include <thread>

namespace salamander::actors::net {

struct door_limits {
  std::size_t half_open_max = 64; ///< when one more comes, the oldest of them is closed
  std::chrono::milliseconds handshake_max{2000};
  std::size_t talking_max = 12;            ///< of those, how many shake hands at a time: each of them takes some 60 KiB
  std::chrono::milliseconds turn_min{200}; ///< for shaking hands, before one who waits for a turn takes it
};

/// Listens, accepts and shakes hands on a thread of its own. Who has not sent a whole first record costs a descriptor and little memory.
/// Threads: any.
/// Faults: without descriptors or memory for one more it waits until there are some.
class front_door {
public:
  /// `on_admitted` is called by the door's thread, with the handshake done. Errors: errc::io_error when the address cannot be used.
  front_door(std::shared_ptr<const tls_context> context, const address& here, std::function<void(std::unique_ptr<tls_session>)> on_admitted,
             door_limits limits = {});
  front_door(const front_door&) = delete;
  front_door& operator=(const front_door&) = delete;
  /// Nobody is admitted any more when it returns.
  ~front_door();

  const address& where() const noexcept {
    return where_;
  }
  /// Connections that did not prove who they are in time, or tried to in vain.
  std::uint64_t turned_away() const noexcept {
    return turned_away_.load(std::memory_order_relaxed);
  }

private:
  using time_point = std::chrono::steady_clock::time_point;

  /// Listened to until the first record is there, then waiting for a turn, then shaking hands.
  struct visitor {
    unique_fd socket{}; ///< until there is a session
    time_point since{};
    std::size_t needs = 0; ///< bytes, before anything can be done
    bool waits_for_turn = false;
    std::unique_ptr<tls_session> session{}; ///< with a turn
    time_point turn_since{};
    short wants = 0;
  };

  void run();
  void accept_some(std::list<visitor>& visitors);
  void give_turns(std::list<visitor>& visitors);
  // False: the visitor is not at the door any more.
  bool attend(visitor& one);
  bool listen_to(visitor& one);
  bool begin(visitor& one);
  bool talk(visitor& one);

  const std::shared_ptr<const tls_context> context_;
  const door_limits limits_;
  const std::function<void(std::unique_ptr<tls_session>)> on_admitted_;
  unique_fd listener_;
  unique_fd stop_;
  address where_;
  std::atomic<std::uint64_t> turned_away_{0};
  std::thread thread_;
};

} // namespace salamander::actors::net
