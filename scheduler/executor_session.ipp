// Bodies of executor_session and driver_session.
#pragma once

#include <salamander/rdd/probes.hpp>

#include <cstdio>

namespace salamander::scheduler {

namespace session_text {
/// "5.0 s"
inline std::string seconds(duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
  return text;
}
} // namespace session_text

// -- the driver's end ---------------------------------------------------------

template <class Order, class Report>
auto executor_session<Order, Report>::handle(event what, time_point now) -> std::vector<action> {
  now_ = now;
  std::visit([this](auto& one) { this->on(std::move(one)); }, what);
  move_messages();
  return std::exchange(actions_, {});
}

template <class Order, class Report>
void executor_session<Order, Report>::on(order_given&& what) {
  if (!over_ && !line_.push(std::move(what.order), what.bytes))
    end(session_end::cause::overloaded, "more orders wait for it than may wait");
}

template <class Order, class Report>
void executor_session<Order, Report>::on(parcel_arrived&& what) {
  if (!admit(what.what.incarnation))
    return;
  if (!line_.receive(std::move(what.what), what.bytes, now_))
    end(session_end::cause::broken, "it confirmed messages that were never sent");
}

template <class Order, class Report>
void executor_session<Order, Report>::on(state_arrived&& what) {
  if (admit(what.incarnation) && !line_.note(what.state, now_))
    end(session_end::cause::broken, "it confirmed messages that were never sent");
}

template <class Order, class Report>
void executor_session<Order, Report>::on(beat_arrived&& what) {
  if (!admit(what.incarnation))
    return;
  if (!line_.note(what.state, now_))
    end(session_end::cause::broken, "it confirmed messages that were never sent");
  else
    actions_.emplace_back(answer_beat{what.sequence, line_.state()});
}

template <class Order, class Report>
void executor_session<Order, Report>::on(tick) {
  if (over_)
    return;
  const auto gap = now_ - std::exchange(ticked_, now_);
  if (gap > limits_.silence.watcher_gap_max)
    line_.absent(gap);
  const auto change = monitor_.tick(now_);
  if (change == executor_monitor::health::dead)
    return end(session_end::cause::silent,
               parted_ ? "its connection broke " + session_text::seconds(now_ - *parted_) + " ago, and it has made no other"
                       : "silent for " + session_text::seconds(monitor_.silence(now_)));
  if (change == executor_monitor::health::suspect)
    actions_.emplace_back(suspected{});
  if (const auto since = line_.oldest_unconfirmed(); since && now_ - *since >= limits_.order_deadline) {
    SALAMANDER_PROBE("session ended an executor that confirmed nothing");
    end(session_end::cause::deaf, "it has not confirmed an order for " + session_text::seconds(now_ - *since));
  }
}

template <class Order, class Report>
void executor_session<Order, Report>::on(connection_lost) {
  if (!parted_)
    parted_ = now_;
}

template <class Order, class Report>
void executor_session<Order, Report>::on(connection_made) {
  parted_.reset();
  if (!admit(line_.incarnation()))
    return;
  SALAMANDER_PROBE("session went on over another connection");
  line_.restart(now_);
}

template <class Order, class Report>
void executor_session<Order, Report>::on(disconnected&& what) {
  if (!over_)
    end(session_end::cause::disconnected, std::move(what.text));
}

template <class Order, class Report>
void executor_session<Order, Report>::on(fenced) {
  over_ = true;
  monitor_.disconnected();
}

template <class Order, class Report>
bool executor_session<Order, Report>::admit(std::uint64_t incarnation) {
  if (incarnation != line_.incarnation()) {
    SALAMANDER_PROBE("session refused another incarnation");
    actions_.emplace_back(refuse{false});
    return false;
  }
  if (over_ && !core::planted(core::defect::fenced_session_delivers)) {
    SALAMANDER_PROBE("session refused a late message");
    actions_.emplace_back(refuse{true});
    return false;
  }
  if (monitor_.heard(now_) == executor_monitor::health::alive)
    actions_.emplace_back(recovered{});
  return true;
}

template <class Order, class Report>
void executor_session<Order, Report>::end(session_end::cause why, std::string text) {
  over_ = true;
  monitor_.disconnected();
  actions_.emplace_back(ended{{why, std::move(text)}});
}

template <class Order, class Report>
void executor_session<Order, Report>::move_messages() {
  for (auto& report : line_.take_delivered())
    actions_.emplace_back(deliver{std::move(report)});
  if (over_ || parted_)
    return;
  const auto before = line_.seen().resent;
  auto outgoing = line_.take_outgoing(now_);
  auto again = line_.seen().resent - before; // those come first
  for (auto& one : outgoing) {
    actions_.emplace_back(send_parcel{std::move(one), again > 0});
    again -= again > 0 ? 1 : 0;
  }
  if (line_.state_due())
    actions_.emplace_back(send_state{line_.incarnation(), line_.state()});
}

// -- the executor's end -------------------------------------------------------

template <class Order, class Report>
auto driver_session<Order, Report>::handle(event what, time_point now) -> std::vector<action> {
  now_ = now;
  std::visit([this](auto& one) { this->on(std::move(one)); }, what);
  move_messages();
  return std::exchange(actions_, {});
}

template <class Order, class Report>
void driver_session<Order, Report>::on(welcomed) {
  monitor_.heard(now_);
  if (!std::exchange(welcomed_, true))
    line_.restart(now_);
}

template <class Order, class Report>
void driver_session<Order, Report>::on(connection_lost) {
  welcomed_ = false;
}

template <class Order, class Report>
void driver_session<Order, Report>::on(report_given&& what) {
  if (!over_ && !line_.push(std::move(what.report), what.bytes))
    end("more reports wait for the driver than may wait");
}

template <class Order, class Report>
void driver_session<Order, Report>::on(parcel_arrived&& what) {
  if (what.what.incarnation != line_.incarnation()) {
    actions_.emplace_back(refuse{});
    return;
  }
  if (over_)
    return;
  on(welcomed{}); // the welcome itself may have been lost
  if (!line_.receive(std::move(what.what), what.bytes, now_))
    end("the driver confirmed messages that were never sent");
}

template <class Order, class Report>
void driver_session<Order, Report>::on(state_arrived&& what) {
  if (what.incarnation != line_.incarnation()) {
    actions_.emplace_back(refuse{});
    return;
  }
  if (over_)
    return;
  on(welcomed{});
  if (!line_.note(what.state, now_))
    end("the driver confirmed messages that were never sent");
}

template <class Order, class Report>
void driver_session<Order, Report>::on(beat_due) {
  if (over_)
    return;
  const auto gap = now_ - std::exchange(ticked_, now_);
  if (gap > limits_.watcher_gap_max)
    line_.absent(gap);
  if (monitor_.tick(now_) == executor_monitor::health::dead)
    return end("the driver has been silent for " + session_text::seconds(monitor_.silence(now_)));
  if (welcomed_)
    actions_.emplace_back(send_beat{++beats_, line_.state()});
}

template <class Order, class Report>
void driver_session<Order, Report>::end(std::string text) {
  over_ = true;
  actions_.emplace_back(leave{std::move(text)});
}

template <class Order, class Report>
void driver_session<Order, Report>::move_messages() {
  for (auto& order : line_.take_delivered())
    actions_.emplace_back(deliver{std::move(order)});
  if (over_ || !welcomed_)
    return;
  const auto before = line_.seen().resent;
  auto outgoing = line_.take_outgoing(now_);
  auto again = line_.seen().resent - before;
  for (auto& one : outgoing) {
    actions_.emplace_back(send_parcel{std::move(one), again > 0});
    again -= again > 0 ? 1 : 0;
  }
  if (line_.state_due())
    actions_.emplace_back(send_state{line_.incarnation(), line_.state()});
}

} // namespace salamander::scheduler
