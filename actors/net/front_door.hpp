// Lets in who has credentials. Strangers cost a bounded amount of memory for a bounded time, and never reach anything behind it.
#pragma once

#include <salamander/actors/net/tls.hpp>

#include <atomic>
#include <functional>
#include <thread>

namespace salamander::actors::net {

struct door_limits {
  std::size_t half_open_max = 64; ///< when one more comes, the oldest of them is closed
  std::chrono::milliseconds handshake_max{2000};
};

/// Listens, accepts and shakes hands on a thread of its own. Threads: any.
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
  struct visitor {
    std::unique_ptr<tls_session> session;
    std::chrono::steady_clock::time_point since;
    short wants = 0;
  };

  void run();
  void accept_some(std::vector<visitor>& visitors);
  /// False: the visitor is not at the door any more.
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
