// The two ends of what a driver and one of its executors have with each other: who is alive, and a line of messages each way. Pure:
// events in, actions out, the caller brings the time.
//
//     driver: executor_session                              executor: driver_session
//        order_given ---------------- parcel<Order> ----------> deliver(order)
//        deliver(report) <----------- parcel<Report> ---------- report_given
//        beat_arrived <-------------- beat, channel_state ----- tick
//        answer_beat ---------------- channel_state ----------> state_arrived
//
// A connection that breaks ends nothing: until the executor has made another one nothing is sent, and the silence counts. Then what
// the other side may lack is sent again.
//
// Order and Report are cheap to copy: they are kept until the other side has them.
#pragma once

#include <salamander/scheduler/channel.hpp>
#include <salamander/scheduler/executor_monitor.hpp>

#include <string>
#include <variant>

namespace salamander::scheduler {

/// What both ends decide alike.
struct session_actions {
  /// Tell the other side what has arrived; nothing else is to be said that would carry it.
  struct send_state {
    std::uint64_t incarnation = 0;
    channel_state state;
  };
  template <class Message>
  struct send_parcel {
    parcel<Message> what;
    bool again = false; ///< it was on the way before
  };
  /// A message had its turn.
  template <class Message>
  struct deliver {
    Message message;
  };
};

/// Why a session ended, and what is left to be done about the process.
struct session_end {
  enum class cause : std::uint8_t {
    silent,      ///< nothing was heard for too long
    deaf,        ///< it is heard, but does not confirm what it is sent
    overloaded,  ///< more waits to be sent than may wait
    broken,      ///< it says what cannot be
    disconnected ///< it is not there any more
  };
  cause why = cause::silent;
  std::string text;
};

/// The driver's end of one incarnation of one executor. Once ended or fenced nothing passes any more, in either direction.
/// Limits: channel_limits; an order that is not confirmed within `order_deadline` ends the session.
/// Threads: use from one thread. Faults: any loss, repetition, delay and order on the link; broken connections; silence; another
/// incarnation's messages; the driver's own absence (ticks further apart than silence.watcher_gap_max do not count against the executor).
template <class Order, class Report>
class executor_session {
public:
  struct limits {
    executor_monitor::limits silence;
    channel_limits channel;
    duration order_deadline = std::chrono::seconds(10);
  };

  // -- events
  struct order_given {
    Order order;
    std::size_t bytes = 0;
  };
  struct parcel_arrived {
    parcel<Report> what;
    std::size_t bytes = 0;
  };
  struct state_arrived {
    std::uint64_t incarnation = 0;
    channel_state state;
  };
  struct beat_arrived {
    std::uint64_t incarnation = 0;
    std::uint64_t sequence = 0;
    channel_state state;
  };
  struct tick {};            ///< several times within silence.suspect_after
  struct connection_lost {}; ///< the executor may be well, and may make another one
  /// The executor has made a connection, or asked for its welcome once more.
  struct connection_made {};
  /// The executor is not there any more: it has ended.
  struct disconnected {
    std::string text = "the connection ended";
  };
  struct fenced {}; ///< the process is dead, or is to be treated so
  using event =
      std::variant<order_given, parcel_arrived, state_arrived, beat_arrived, tick, connection_lost, connection_made, disconnected, fenced>;

  // -- actions
  using send_parcel = session_actions::send_parcel<Order>;
  using send_state = session_actions::send_state;
  using deliver = session_actions::deliver<Report>;
  /// The beat is a live executor's: use what else it says, and answer it.
  struct answer_beat {
    std::uint64_t sequence = 0;
    channel_state state;
  };
  struct suspected {}; ///< nothing new should be sent there until recovered
  struct recovered {};
  struct ended {
    session_end why;
  };
  /// What came is not a live executor's. If it is this session's own executor, which does not know that it is dead, it shall leave.
  struct refuse {
    bool tell_to_leave = false;
  };
  using action = std::variant<send_parcel, send_state, deliver, answer_beat, suspected, recovered, ended, refuse>;

  executor_session(std::uint64_t incarnation, const limits& bounds, time_point now)
      : limits_(bounds), monitor_(bounds.silence, now), line_(incarnation, bounds.channel), ticked_(now) {}

  std::vector<action> handle(event what, time_point now);

  bool over() const noexcept {
    return over_;
  }
  /// Since when there is no connection.
  std::optional<time_point> parted_since() const noexcept {
    return parted_;
  }
  executor_monitor::health health() const noexcept {
    return monitor_.state();
  }
  /// For tests and metrics.
  const channel_end<Order, Report>& line() const noexcept {
    return line_;
  }
  /// When `tick` has a message to send again; a tick at its usual time does, too.
  std::optional<time_point> next_resend() const {
    return over_ || parted_ ? std::nullopt : line_.next_resend();
  }

private:
  void on(order_given&& what);
  void on(parcel_arrived&& what);
  void on(state_arrived&& what);
  void on(beat_arrived&& what);
  void on(tick);
  void on(connection_lost);
  void on(connection_made);
  void on(disconnected&& what);
  void on(fenced);

  /// True if it is this session's executor and the session goes on; notes the sign of life.
  bool admit(std::uint64_t incarnation);
  void end(session_end::cause why, std::string text);
  void move_messages();

  limits limits_;
  executor_monitor monitor_;
  channel_end<Order, Report> line_;
  bool over_ = false;
  std::optional<time_point> parted_;
  time_point ticked_;
  time_point now_;              ///< of the event being handled
  std::vector<action> actions_; ///< of the event being handled
};

/// The executor's end. Before `welcomed` nothing is sent; reports wait. Once over, nothing passes any more.
/// Limits, threads, faults: as executor_session; a driver that is silent for `silence_max` is given up.
template <class Order, class Report>
class driver_session {
public:
  struct limits {
    duration silence_max = std::chrono::seconds(10);
    duration watcher_gap_max = std::chrono::seconds(2);
    channel_limits channel;
  };

  // -- events
  struct welcomed {};        ///< the driver accepted the registration; repeated ones are harmless
  struct connection_lost {}; ///< until the next welcome nothing is sent
  struct report_given {
    Report report;
    std::size_t bytes = 0;
  };
  struct parcel_arrived {
    parcel<Order> what;
    std::size_t bytes = 0;
  };
  struct state_arrived {
    std::uint64_t incarnation = 0;
    channel_state state;
  };
  struct beat_due {}; ///< regularly; also sends again what is overdue
  using event = std::variant<welcomed, connection_lost, report_given, parcel_arrived, state_arrived, beat_due>;

  // -- actions
  using send_parcel = session_actions::send_parcel<Report>;
  using send_state = session_actions::send_state;
  using deliver = session_actions::deliver<Order>;
  struct send_beat {
    std::uint64_t sequence = 0;
    channel_state state;
  };
  struct refuse {}; ///< of another incarnation: not ours
  /// The process shall end.
  struct leave {
    std::string reason;
  };
  using action = std::variant<send_parcel, send_state, deliver, send_beat, refuse, leave>;

  driver_session(std::uint64_t incarnation, const limits& bounds, time_point now)
      : limits_(bounds), monitor_({bounds.silence_max, bounds.silence_max, bounds.watcher_gap_max}, now),
        line_(incarnation, bounds.channel), ticked_(now) {}

  std::vector<action> handle(event what, time_point now);

  bool is_welcomed() const noexcept {
    return welcomed_;
  }
  bool over() const noexcept {
    return over_;
  }
  /// False: reports had better wait where they are.
  bool takes_reports() const noexcept {
    return welcomed_ && line_.idle();
  }
  const channel_end<Report, Order>& line() const noexcept {
    return line_;
  }

private:
  void on(welcomed);
  void on(connection_lost);
  void on(report_given&& what);
  void on(parcel_arrived&& what);
  void on(state_arrived&& what);
  void on(beat_due);

  void end(std::string text);
  void move_messages();

  limits limits_;
  executor_monitor monitor_;
  channel_end<Report, Order> line_;
  bool welcomed_ = false;
  bool over_ = false;
  std::uint64_t beats_ = 0;
  time_point ticked_;
  time_point now_;
  std::vector<action> actions_;
};

} // namespace salamander::scheduler

#include <salamander/scheduler/executor_session.ipp>
