// Bodies of channel_end.
#pragma once

#include <salamander/rdd/probes.hpp>

namespace salamander::scheduler {

template <class Out, class In>
bool channel_end<Out, In>::push(Out message, std::size_t bytes) {
  if (waiting_.size() >= limits_.waiting_messages_max || (!waiting_.empty() && waiting_bytes_ + bytes > limits_.waiting_bytes_max))
    return false;
  waiting_bytes_ += bytes;
  waiting_.emplace_back(std::move(message), bytes);
  return true;
}

template <class Out, class In>
bool channel_end<Out, In>::receive(parcel<In> what, std::size_t bytes, time_point now) {
  if (what.number == 0 || !confirm(what.state, now))
    return false;
  place(what.number, std::move(what.message), bytes);
  receiving_.sent_up_to(what.state.sent);
  return true;
}

template <class Out, class In>
void channel_end<Out, In>::place(std::uint64_t number, In&& message, std::size_t bytes) {
  switch (receiving_.place(number, bytes)) {
  case receive_window::verdict::next:
    delivered_.push_back(std::move(message));
    for (auto at = early_.begin(); at != early_.end() && at->first <= receiving_.received(); at = early_.erase(at))
      delivered_.push_back(std::move(at->second));
    break;
  case receive_window::verdict::early:
    ++counts_.early;
    early_.emplace(number, std::move(message));
    SALAMANDER_PROBE("channel held a message back");
    break;
  case receive_window::verdict::duplicate:
    ++counts_.duplicates;
    SALAMANDER_PROBE("channel dropped a duplicate");
    if (core::planted(core::defect::channel_delivers_duplicates))
      delivered_.push_back(std::move(message));
    break;
  case receive_window::verdict::no_room:
    break;
  }
}

template <class Out, class In>
bool channel_end<Out, In>::note(const channel_state& theirs, time_point now) {
  if (!confirm(theirs, now))
    return false;
  receiving_.sent_up_to(theirs.sent);
  return true;
}

template <class Out, class In>
bool channel_end<Out, In>::confirm(const channel_state& theirs, time_point now) {
  const auto arrived = sending_.note(theirs, now);
  if (!arrived)
    return false;
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(*arrived));
  return true;
}

template <class Out, class In>
std::vector<parcel<Out>> channel_end<Out, In>::take_outgoing(time_point now) {
  std::vector<parcel<Out>> parcels;
  for (const auto number : sending_.take_overdue(now)) {
    ++counts_.resent;
    SALAMANDER_PROBE("channel sent a message again");
    auto at = static_cast<std::size_t>(number - sending_.first());
    if (core::planted(core::defect::channel_resends_another) && at > 0)
      --at;
    parcels.push_back({incarnation_, number, state(), kept_[at]});
  }
  // Each new one says that numbers up to its own are in use: the rest of this round is no news before it arrives.
  while (!waiting_.empty() && sending_.has_room(waiting_.front().second)) {
    auto& [message, bytes] = waiting_.front();
    const auto number = sending_.add(bytes, now);
    waiting_bytes_ -= bytes;
    kept_.push_back(message);
    parcels.push_back({incarnation_, number, state(), std::move(message)});
    waiting_.pop_front();
  }
  if (!waiting_.empty())
    SALAMANDER_PROBE("channel window full");
  return parcels;
}

template <class Out, class In>
channel_state channel_end<Out, In>::state() noexcept {
  channel_state mine;
  mine.sent = sending_.sent();
  receiving_.describe(mine);
  return mine;
}

} // namespace salamander::scheduler
