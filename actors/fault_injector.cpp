#include <salamander/actors/fault_injector.hpp>

#include <salamander/rdd/task_context.hpp>

#include <algorithm>
#include <iterator>
#include <thread>

namespace salamander::actors {

void fault_injector::add(std::vector<core::armed_fault> faults) {
  for (auto& one : faults) {
    auto& all = waiting_[one.task];
    if (all.empty())
      order_.push_back(one.task);
    all.push_back(std::move(one));
  }
  while (order_.size() > waiting_max) {
    waiting_.erase(order_.front());
    order_.pop_front();
  }
}

std::unique_ptr<core::task_faults> fault_injector::take(std::uint64_t task) {
  auto found = waiting_.extract(task);
  return found ? std::make_unique<core::task_faults>(std::move(found.mapped())) : nullptr;
}

void fault_injector::done(core::task_faults& faults) {
  auto notes = faults.take_notes();
  std::ranges::move(notes, std::back_inserter(notes_));
}

std::vector<core::fault_note> fault_injector::take_notes(std::size_t most) {
  const auto end = notes_.begin() + static_cast<std::ptrdiff_t>(std::min(most, notes_.size()));
  std::vector<core::fault_note> taken(std::make_move_iterator(notes_.begin()), std::make_move_iterator(end));
  notes_.erase(notes_.begin(), end);
  return taken;
}

namespace {

/// The kinds that faults can be about; others are left alone.
std::optional<testing::blocks> kind_of(const storage::block_id& id) {
  switch (id.kind) {
  case storage::block_kind::shuffle:
    return testing::blocks::shuffle;
  case storage::block_kind::cached:
    return testing::blocks::cached;
  case storage::block_kind::result:
    return testing::blocks::result;
  case storage::block_kind::source:
  case storage::block_kind::plan:
  case storage::block_kind::broadcast:
  case storage::block_kind::outline:
    break;
  }
  return std::nullopt;
}

} // namespace

block_faults::~block_faults() {
  for (const auto& one : given_)
    if (one.spoiler.done != 0)
      faults_.corrupted(one.token, one.id.text());
}

bool block_faults::loses(const storage::block_id& id) {
  const auto kind = kind_of(id);
  if (!kind)
    return false;
  const auto fault = faults_.block(*kind, false, id.text());
  if (fault.delay.count() != 0)
    hold_up(fault.delay, cancelled_);
  return fault.lost;
}

net::block_spoiler* block_faults::spoiler(const storage::block_id& id) {
  const auto kind = kind_of(id);
  if (!kind)
    return nullptr;
  const auto fault = faults_.block(*kind, true, id.text());
  if (fault.delay.count() != 0)
    hold_up(fault.delay, cancelled_);
  if (fault.corruptions == 0)
    return nullptr;
  given_.push_back({{fault.corruptions, fault.noise, 0}, fault.token, id});
  return &given_.back().spoiler;
}

void hold_up(std::chrono::milliseconds time, const std::atomic<bool>* cancelled) {
  const auto until = std::chrono::steady_clock::now() + time;
  for (;;) {
    if (cancelled && cancelled->load(std::memory_order_relaxed))
      throw core::task_cancelled();
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= left.zero())
      return;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(10)));
  }
}

} // namespace salamander::actors
