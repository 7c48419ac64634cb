#include <salamander/scheduler/cluster/leadership.hpp>

#include <salamander/scheduler/cluster/planted.hpp>

#include <algorithm>
#include <utility>

namespace salamander::scheduler::cluster {

std::optional<lease_record> leadership::visit(const sight& seen, time_point began, time_point now) {
  pending_ = step::none;
  look(seen.record, now);
  if (leading_ && (now >= leads_until_ || seen.record.holder != self_.id || seen.record.term != term_))
    leading_ = false;
  return leading_ ? lead_on(seen.record, began, now) : wait_or_take(seen, began, now);
}

void leadership::stored(bool known) {
  const auto what = std::exchange(pending_, step::none);
  if (!known || (what != step::take && what != step::renew))
    return;
  if (what == step::take) {
    leading_ = true;
    heard_at_ = pending_began_;
    workers_expected_ = false;
  }
  term_ = pending_term_;
  renewed_at_ = pending_began_;
  leads_until_ = pending_began_ + settings_.lease;
  leader_ = self_.address;
}

void leadership::workers(bool expected, bool heard, time_point now) {
  workers_expected_ = expected;
  if (heard || !expected)
    heard_at_ = now;
}

/// Whose lease it is and since when it has not been renewed, as far as this master's clock can tell; and who else waits.
void leadership::look(const lease_record& record, time_point now) {
  if (!looked_ || record.term != seen_.term || record.holder != seen_.holder || record.counter != seen_.counter) {
    looked_ = true;
    seen_ = record;
    seen_at_ = now;
  }
  leader_ = record.address;
  for (const auto& one : record.candidates) {
    if (one.id == self_.id)
      continue;
    const auto [at, first] = others_.try_emplace(one.id, one.counter, now - settings_.takeover);
    if (!first && at->second.first != one.counter)
      at->second = {one.counter, now};
  }
  std::erase_if(others_, [&](const auto& each) {
    return std::ranges::none_of(record.candidates, [&](const lease_candidate& one) { return one.id == each.first; });
  });
}

bool leadership::others_wait(time_point now) const {
  return std::ranges::any_of(others_, [&](const auto& each) { return now - each.second.second < settings_.takeover; });
}

std::optional<lease_record> leadership::lead_on(const lease_record& record, time_point began, time_point now) {
  const bool deaf = workers_expected_ && now - heard_at_ >= settings_.deaf_after && others_wait(now);
  if (resigning_ || deaf) {
    if (deaf)
      rest_until_ = now + settings_.rest_after_abdication;
    return give_away(record);
  }
  if (now - renewed_at_ < settings_.renew_every)
    return std::nullopt;
  auto next = record;
  ++next.counter;
  // Those who have gone without a word.
  std::erase_if(next.candidates, [&](const lease_candidate& one) {
    const auto other = others_.find(one.id);
    return one.id == self_.id || (other != others_.end() && now - other->second.second >= 10 * settings_.takeover);
  });
  pending_ = step::renew;
  pending_term_ = term_;
  pending_began_ = began;
  return next;
}

/// It stops before that is written.
std::optional<lease_record> leadership::give_away(lease_record record) {
  leading_ = false;
  record.holder.clear();
  record.address.clear();
  record.boot.clear();
  return record;
}

std::optional<lease_record> leadership::wait_or_take(const sight& seen, time_point began, time_point now) {
  const auto& record = seen.record;
  const auto me = std::ranges::find(record.candidates, self_.id, &lease_candidate::id);
  if (resigning_) {
    if (record.holder == self_.id)
      return give_away(record);
    if (me == record.candidates.end())
      return std::nullopt;
    auto without = record;
    std::erase_if(without.candidates, [&](const lease_candidate& one) { return one.id == self_.id; });
    return without;
  }
  const auto takeover_after = settings_.takeover / (planted(defect::takes_over_early) ? 2 : 1);
  // The holder can be this master itself: it could not renew in time, or never heard that its name was written.
  const bool free = record.holder.empty() || record.holder == self_.id || seen.holder_is_dead || now - seen_at_ >= takeover_after;
  const bool resting = rest_until_ && now < *rest_until_ && others_wait(now);
  if (free && !resting) {
    auto next = record;
    next.term = std::max(record.term, seen.terms_used) + 1;
    next.holder = self_.id;
    next.address = self_.address;
    next.boot = self_.boot;
    ++next.counter;
    std::erase_if(next.candidates, [&](const lease_candidate& one) { return one.id == self_.id; });
    pending_ = step::take;
    pending_term_ = next.term;
    pending_began_ = began;
    return next;
  }
  if (me != record.candidates.end() && now - announced_at_ < settings_.announce_every)
    return std::nullopt;
  auto next = record;
  std::erase_if(next.candidates, [&](const lease_candidate& one) { return one.id == self_.id; });
  if (next.candidates.size() >= settings_.candidates_max)
    next.candidates.erase(next.candidates.begin());
  next.candidates.push_back({self_.id, self_.address, ++own_counter_});
  announced_at_ = now;
  pending_ = step::announce;
  return next;
}

} // namespace salamander::scheduler::cluster
