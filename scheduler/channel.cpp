#include <salamander/scheduler/channel.hpp>

#include <salamander/rdd/probes.hpp>

#include <algorithm>

namespace salamander::scheduler {

/// Bits of channel_state::ahead.
constexpr std::size_t ahead_bits = 64;

send_window::send_window(const channel_limits& limits) : limits_(limits) {
  limits_.window_messages = std::clamp<std::size_t>(limits_.window_messages, 1, ahead_bits);
}

bool send_window::has_room(std::size_t bytes) const noexcept {
  return entries_.empty() || (entries_.size() < limits_.window_messages && bytes_ + bytes <= limits_.window_bytes);
}

std::uint64_t send_window::add(std::size_t bytes, time_point now) {
  entries_.push_back({bytes, now, now, now + limits_.resend_after, limits_.resend_after, false});
  bytes_ += bytes;
  return sent();
}

std::optional<std::size_t> send_window::note(const channel_state& theirs, time_point now) {
  if (theirs.received > sent())
    return std::nullopt;
  std::size_t gone = 0;
  for (; !entries_.empty() && first_ <= theirs.received; ++first_, ++gone) {
    bytes_ -= entries_.front().bytes;
    entries_.pop_front();
  }
  for (std::size_t bit = 0; bit < ahead_bits; ++bit) {
    const auto number = theirs.received + 2 + bit;
    if ((theirs.ahead >> bit & 1U) != 0 && number >= first_ && number <= sent())
      entries_[static_cast<std::size_t>(number - first_)].arrived = true;
  }
  for (std::size_t i = 0; i < entries_.size() && first_ + i <= theirs.known; ++i)
    if (auto& one = entries_[i]; !one.arrived)
      one.due = std::min(one.due, std::max(now, one.last_sent + limits_.resend_pause));
  return gone;
}

std::vector<std::uint64_t> send_window::take_overdue(time_point now) {
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& one = entries_[i];
    if (one.arrived || one.due > now)
      continue;
    one.pause = std::min(one.pause * 2, std::max(limits_.resend_after, limits_.resend_after_max));
    one.last_sent = now;
    one.due = now + one.pause;
    numbers.push_back(first_ + i);
  }
  return numbers;
}

std::optional<time_point> send_window::next_overdue() const {
  std::optional<time_point> next;
  for (const auto& one : entries_)
    if (!one.arrived && (!next || one.due < *next))
      next = one.due;
  return next;
}

std::optional<time_point> send_window::oldest() const {
  return entries_.empty() ? std::nullopt : std::optional(entries_.front().first_sent);
}

void send_window::absent(duration time) {
  for (auto& one : entries_) {
    one.first_sent += time;
    one.last_sent += time;
    one.due += time;
  }
}

void send_window::restart(time_point now) {
  for (auto& one : entries_) {
    one.due = now;
    one.pause = limits_.resend_after;
  }
}

receive_window::receive_window(const channel_limits& limits)
    // A sender whose window is full must not have to wait for a heartbeat.
    : messages_max_(std::max<std::size_t>(1, std::min({limits.acknowledge_messages, limits.window_messages / 2, ahead_bits / 2}))),
      bytes_max_(std::min(limits.acknowledge_bytes, limits.window_bytes / 2)) {}

receive_window::verdict receive_window::place(std::uint64_t number, std::size_t bytes) {
  known_ = std::max(known_, number);
  if (number <= received_) {
    due_ = true; // the other end seems not to know
    return verdict::duplicate;
  }
  const auto distance = number - received_;
  if (distance > ahead_bits + 1)
    return verdict::no_room;
  ++messages_;
  bytes_ += bytes;
  if (distance == 1) {
    ++received_;
    advance();
    return verdict::next;
  }
  due_ = true; // those before it are missing
  const auto bit = std::uint64_t{1} << (distance - 2);
  if ((ahead_ & bit) != 0)
    return verdict::duplicate;
  ahead_ |= bit;
  return verdict::early;
}

void receive_window::advance() noexcept {
  // Bit 0 is always number received_ + 2 of the moment before.
  while ((ahead_ & 1U) != 0) {
    ++received_;
    ahead_ >>= 1U;
  }
  ahead_ >>= 1U;
}

void receive_window::sent_up_to(std::uint64_t number) noexcept {
  if (number <= known_)
    return; // no news: a state for each state that comes in would never end
  known_ = number;
  due_ = due_ || known_ > received_;
}

void receive_window::describe(channel_state& mine) noexcept {
  mine.received = received_;
  if (core::planted(core::defect::channel_confirms_one_too_many) && known_ > received_)
    ++mine.received;
  mine.ahead = ahead_;
  mine.known = known_;
  messages_ = 0;
  bytes_ = 0;
  due_ = false;
}

} // namespace salamander::scheduler
