// A line of messages between two processes that arrive once each and in order, over a link that may lose, repeat, delay and reorder
// them. Pure: the caller brings the time and does the sending.
//
// Each end numbers what it sends from 1 and keeps it until the other end has it. What has arrived is told with every message that
// goes the other way, and with heartbeats: where messages go both ways, or few go at all, the line costs no message of its own.
// A window bounds what is on the way (the credit of the peer); more waits, also bounded.
//
//   channel_end A                                        channel_end B
//     push(m) -> take_outgoing -> parcel 7 ------------->  receive -> take_delivered: m
//                                 parcel 8 ----- lost
//                                 parcel 9 ------------->  receive: held back, 8 is missing
//     note: resends 8           <------------- state {received 7, ahead 9}
#pragma once

#include <salamander/scheduler/events.hpp>

#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace salamander::scheduler {

/// Limits: `window_messages` is at most 64, the bits of channel_state::ahead.
struct channel_limits {
  std::size_t window_messages = 64;    ///< on the way; further ones wait
  std::size_t window_bytes = 4U << 20; ///< on the way; a single message may be larger
  std::size_t waiting_messages_max = 16384;
  std::size_t waiting_bytes_max = 64U << 20;
  std::size_t acknowledge_messages = 16;    ///< unless something else says it before, what arrived is told after so many messages,
  std::size_t acknowledge_bytes = 1U << 20; ///< so many bytes, or half a window
  /// A message about which nothing has been heard is sent again after this time, then after twice, four times ... up to the maximum.
  duration resend_after = std::chrono::milliseconds(1500);
  duration resend_after_max = std::chrono::seconds(3);
  /// A message that the peer is known to miss is sent again at once, but not more often than this.
  duration resend_pause = std::chrono::milliseconds(50);
};

/// What one end tells the other with every message and every heartbeat.
struct channel_state {
  std::uint64_t sent = 0;     ///< the numbers up to here are in use: what of it has not arrived is late or lost
  std::uint64_t received = 0; ///< of yours, all up to here have arrived
  std::uint64_t ahead = 0;    ///< bit i: number received + 2 + i has arrived, too
  std::uint64_t known = 0;    ///< yours up to here were sent, as far as is known here: those that have not arrived are missing

  friend bool operator==(const channel_state&, const channel_state&) = default;
};

/// A message on the link.
template <class Message>
struct parcel {
  std::uint64_t incarnation = 0; ///< of the executor, whichever end sends
  std::uint64_t number = 0;
  channel_state state; ///< of the end that sends
  Message message;
};

/// What is on the way and when it is sent again; knows numbers and sizes only. Threads: use from one thread.
class send_window {
public:
  explicit send_window(const channel_limits& limits);

  bool has_room(std::size_t bytes) const noexcept;
  /// The next number is on its way.
  std::uint64_t add(std::size_t bytes, time_point now);
  /// What the other end says. Returns how many of the oldest are there for good; nothing: it says what cannot be.
  std::optional<std::size_t> note(const channel_state& theirs, time_point now);
  /// Numbers to send again now; counts as done.
  std::vector<std::uint64_t> take_overdue(time_point now);
  /// When take_overdue has something, if nothing is heard before.
  std::optional<time_point> next_overdue() const;
  /// Since when the oldest message is on its way.
  std::optional<time_point> oldest() const;
  /// This process did not run for a while: the time does not count.
  void absent(duration time);
  /// What carried it all has broken: whatever has not arrived is to be sent again now.
  void restart(time_point now);

  std::uint64_t sent() const noexcept {
    return first_ + entries_.size() - 1;
  }
  std::uint64_t first() const noexcept {
    return first_;
  }
  std::size_t size() const noexcept {
    return entries_.size();
  }

private:
  struct entry {
    std::size_t bytes = 0;
    time_point first_sent;
    time_point last_sent;
    time_point due;
    duration pause;
    bool arrived = false;
  };

  channel_limits limits_;
  std::deque<entry> entries_;
  std::uint64_t first_ = 1; ///< number of entries_.front()
  std::size_t bytes_ = 0;
};

/// What has arrived; knows numbers and sizes only. Threads: use from one thread.
class receive_window {
public:
  enum class verdict : std::uint8_t {
    next,      ///< its turn
    early,     ///< earlier ones are missing
    duplicate, ///< it had arrived before
    no_room    ///< so far ahead that no peer within its window would send it: not kept
  };

  explicit receive_window(const channel_limits& limits);

  verdict place(std::uint64_t number, std::size_t bytes);
  /// The other end has sent all up to here.
  void sent_up_to(std::uint64_t number) noexcept;
  /// Fills in what has arrived; it counts as told.
  void describe(channel_state& mine) noexcept;
  /// The other end should be told now rather than with the next heartbeat.
  bool due() const noexcept {
    return due_ || messages_ >= messages_max_ || bytes_ >= bytes_max_;
  }
  std::uint64_t received() const noexcept {
    return received_;
  }

private:
  void advance() noexcept;

  std::size_t messages_max_;
  std::size_t bytes_max_;
  std::uint64_t received_ = 0;
  std::uint64_t ahead_ = 0;
  std::uint64_t known_ = 0;
  std::size_t messages_ = 0; ///< since it was told
  std::size_t bytes_ = 0;
  bool due_ = false;
};

/// One end: sends Out, receives In. Both ends must be made with the same incarnation.
/// Limits: channel_limits. Threads: use from one thread. Faults: any loss, repetition, delay and order of parcels and states; those
/// of another incarnation must not be handed in (sessions refuse them).
template <class Out, class In>
class channel_end {
public:
  /// How often what happened.
  struct counts {
    std::uint64_t resent = 0;
    std::uint64_t duplicates = 0; ///< arrived again and were dropped
    std::uint64_t early = 0;      ///< arrived before their turn
  };

  channel_end(std::uint64_t incarnation, const channel_limits& limits)
      : incarnation_(incarnation), limits_(limits), sending_(limits), receiving_(limits) {}

  /// Takes a message to be sent. Errors: false: too many wait; the message is not taken, and the peer is not worth waiting for.
  [[nodiscard]] bool push(Out message, std::size_t bytes);
  /// A parcel has come. Errors: false: it says what cannot be; nothing has changed.
  [[nodiscard]] bool receive(parcel<In> what, std::size_t bytes, time_point now);
  /// A state has come by itself or with a heartbeat. Errors: false: it says what cannot be.
  [[nodiscard]] bool note(const channel_state& theirs, time_point now);

  /// Messages that have their turn, each once.
  std::vector<In> take_delivered() {
    return std::exchange(delivered_, {});
  }
  /// What is to be sent now: new ones as far as the window allows, and old ones that the peer lacks.
  std::vector<parcel<Out>> take_outgoing(time_point now);
  /// True when the peer should be told what arrived although nothing else is to be sent.
  bool state_due() const noexcept {
    return receiving_.due();
  }
  /// For a heartbeat, or when state_due.
  channel_state state() noexcept;

  /// When take_outgoing has something, if nothing arrives before.
  std::optional<time_point> next_resend() const {
    return sending_.next_overdue();
  }
  /// Since when the oldest message that the peer has not confirmed is on its way.
  std::optional<time_point> oldest_unconfirmed() const {
    return sending_.oldest();
  }
  /// This process did not run for a while: the time does not count against the peer.
  void absent(duration time) {
    sending_.absent(time);
  }
  /// The connection was made anew: what the peer has not confirmed may be lost, and is sent again with the next take_outgoing.
  void restart(time_point now) {
    sending_.restart(now);
  }
  /// Room for more without waiting in line.
  bool idle() const noexcept {
    return waiting_.empty();
  }
  std::size_t unconfirmed() const noexcept {
    return kept_.size();
  }
  std::size_t waiting() const noexcept {
    return waiting_.size();
  }
  std::size_t held_back() const noexcept {
    return early_.size();
  }
  std::uint64_t incarnation() const noexcept {
    return incarnation_;
  }
  const counts& seen() const noexcept {
    return counts_;
  }

private:
  bool confirm(const channel_state& theirs, time_point now);
  void place(std::uint64_t number, In&& message, std::size_t bytes);

  std::uint64_t incarnation_;
  channel_limits limits_;
  send_window sending_;
  receive_window receiving_;
  std::deque<Out> kept_; ///< on the way, the oldest first
  std::deque<std::pair<Out, std::size_t>> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::map<std::uint64_t, In> early_;
  std::vector<In> delivered_;
  counts counts_;
};

} // namespace salamander::scheduler

#include <salamander/scheduler/channel.ipp>
