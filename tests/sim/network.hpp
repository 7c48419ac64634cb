// The links between simulated processes: they take time, and while a fault lasts they lose, repeat and delay.
#pragma once

#include "event_queue.hpp"
#include "random.hpp"
#include "scenario.hpp"

#include <functional>
#include <map>
#include <tuple>
#include <vector>

namespace salamander::sim {

/// Something is wrong with what goes from one process to another. `any` stands for every process.
struct link_fault {
  static constexpr event_queue::process any = 0xffffffff;

  fault_kind kind = fault_kind::cut;
  event_queue::process from = any;
  event_queue::process to = any;
  std::uint32_t amount = 0;
  time_point until;
};

/// Messages of two processes keep their order unless they are delayed by a fault. Nothing reaches a process that has ended.
/// Threads: use from one thread.
class network {
public:
  using process = event_queue::process;

  /// What happened to messages so far.
  struct counts {
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    std::uint64_t repeated = 0;
    std::uint64_t delayed = 0;
  };

  network(event_queue& queue, duration latency_max, random_stream random) : queue_(queue), latency_max_(latency_max), random_(random) {}

  void add(const link_fault& fault) {
    faults_.push_back(fault);
  }
  /// Nothing is wrong any more.
  void heal() {
    faults_.clear();
  }

  /// A control message, which may be lost and repeated. `arrive` is called in the receiver's turn, perhaps twice.
  void send(process from, process to, std::function<void()> arrive);

  /// Bytes of a block transfer: lost only if the link is cut.
  void stream(process from, process to, std::function<void()> arrive);

  /// True if a block that goes this way changes now.
  bool corrupts(process from, process to);

  const counts& seen() const noexcept {
    return counts_;
  }
  random_stream& random() noexcept {
    return random_;
  }

private:
  const link_fault* find(fault_kind kind, process from, process to);
  duration latency(process from, process to);
  /// Moves a time behind the latest arrival on the same way.
  time_point in_order(std::uint8_t lane, process from, process to, time_point when);

  event_queue& queue_;
  duration latency_max_;
  random_stream random_;
  std::vector<link_fault> faults_;
  std::map<std::tuple<std::uint8_t, process, process>, time_point> last_; ///< when the latest message or stream arrives
  counts counts_;
};

} // namespace salamander::sim
