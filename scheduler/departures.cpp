// Executors that leave. What such an executor holds is fetched by others while its last tasks run; nobody is told of a block's new place
// before the block is there. When nothing is left to move, stages that read moved blocks get their new places with the next task that is
// sent, and the executor is released when the tasks that were sent before have ended. So nobody asks for a block in vain, and nothing is
// computed again.
#include <salamander/scheduler/driver_impl.hpp>

#include <salamander/rdd/probes.hpp>
#include <salamander/scheduler/failure_text.hpp>

#include <algorithm>

namespace salamander::scheduler {

void driver_scheduler::impl::on(const executor_leaving& e) {
  auto* const found = executors_.find(e.executor);
  if (!found || found->ending)
    return;
  if (const auto known = departures_.find(e.executor); known != departures_.end()) {
    known->second.may_stay = known->second.may_stay && e.may_stay;
    return;
  }
  found->leaving = true;
  departed_.insert(e.executor);
  auto& one = departures_[e.executor];
  one.reason = e.reason;
  one.may_stay = e.may_stay;
  note(notice::level::info, name_of(e.executor) + " leaves (" + e.reason + "): it runs " + counted(found->running, "task") + " and holds " +
                                counted(blocks_to_move(e.executor).size(), "block") + " that others need");
  for (const auto& [id, s] : graph_.all())
    if (s->current)
      s->current->forget_preference(e.executor);
  offer_all_ = true; // what waited for it goes anywhere
}

void driver_scheduler::impl::continue_departures() {
  if (departures_.empty())
    return;
  std::vector<executor_id> leaving;
  for (const auto& [id, one] : departures_)
    leaving.push_back(id);
  for (const auto id : leaving) {
    auto& one = departures_.at(id);
    auto& at = *executors_.find(id);
    if (at.ending || !move_blocks(id, one) || at.running > 0 || at.receiving > 0)
      continue;
    if (!one.told_before)
      renew_readers(one);
    if (read_at_old_places(one))
      continue;
    SALAMANDER_PROBE("executor released after it had handed over what it held");
    at.ending = true;
    act(release_executor{id, one.reason + "; " + counted(one.moved, "block") + " handed over"});
    departures_.erase(id);
  }
}

bool driver_scheduler::impl::move_blocks(executor_id id, departure& one) {
  if (!options_.handover.enabled)
    return true;
  const auto& at = *executors_.find(id);
  const bool idle = at.running == 0 && at.receiving == 0; // what was on its way here before may still come
  if (!one.stuck.empty() && (!one.retry_at || *one.retry_at <= now_)) {
    for (auto& block : std::exchange(one.stuck, {})) {
      block.failures = 0;
      block.refused_by.clear();
      one.open.push_back(std::move(block));
    }
    one.retry_at.reset();
  }
  // What its last tasks leave behind is seen when they are over; a task that is cancelled may cache something, too.
  if (one.open.empty() && one.moving == 0 && one.stuck.empty() && !one.looked && (idle || !one.begun)) {
    for (auto& block : blocks_to_move(id))
      one.open.push_back(std::move(block));
    for (const auto& block : cache_.held_by(id))
      if (!still_to_be_moved(id, {false, block.dataset.value, block.partition})) { // others hold it, too: readers go there
        cache_.remove(block, id);
        one.datasets.insert(block.dataset);
      }
    one.begun = true;
    one.looked = idle && one.open.empty();
  }
  order_moves(id, one);
  if (one.open.empty() && one.moving == 0 && !one.stuck.empty() && idle && give_up_moving(id, one))
    return false; // it stays, and `one` is gone
  if (one.retry_at)
    wake(*one.retry_at);
  if (core::planted(core::defect::released_before_moved))
    return true;
  return one.looked && one.open.empty() && one.moving == 0 && one.stuck.empty();
}

std::vector<departing_block> driver_scheduler::impl::blocks_to_move(executor_id id) const {
  std::vector<departing_block> found;
  if (options_.handover.map_outputs)
    for (const auto& [shuffle, map] : outputs_.held_by(id))
      found.push_back({true, shuffle.value, map, outputs_.task_of(shuffle, map)});
  if (options_.handover.cached)
    for (const auto& block : cache_.held_by(id))
      if (const departing_block moving{false, block.dataset.value, block.partition}; still_to_be_moved(id, moving))
        found.push_back(moving);
  return found;
}

bool driver_scheduler::impl::still_to_be_moved(executor_id from, const departing_block& block) const {
  if (block.is_map_output) {
    const auto& where = outputs_.locations({block.owner});
    return block.partition < where.size() && where[block.partition] == from &&
           outputs_.task_of({block.owner}, block.partition) == block.made_by;
  }
  const auto holders = cache_.holders({block.owner}, block.partition);
  return std::find(holders.begin(), holders.end(), from) != holders.end() && std::none_of(holders.begin(), holders.end(), [&](auto holder) {
           return holder == kept_files || executors_.find(holder)->takes_tasks();
         });
}

// The executor that has the fewest blocks on their way to it; null when nobody can take this one, or all that could are busy.
executor* driver_scheduler::impl::receiver_of(executor_id from, const departing_block& block, bool& all_busy) {
  executor* best = nullptr;
  all_busy = false;
  for (auto& [id, at] : executors_.all()) {
    if (id == from || !at.takes_tasks() || std::find(block.refused_by.begin(), block.refused_by.end(), id) != block.refused_by.end())
      continue;
    if (at.receiving >= options_.handover.at_once_max)
      all_busy = true;
    else if (!best || std::pair(at.receiving, at.received) < std::pair(best->receiving, best->received))
      best = &at;
  }
  return best;
}

void driver_scheduler::impl::order_moves(executor_id id, departure& one) {
  std::map<executor_id, take_over> orders;
  while (!one.open.empty() && one.moving < options_.handover.leaving_max) {
    auto block = std::move(one.open.front());
    one.open.pop_front();
    if (!still_to_be_moved(id, block))
      continue;
    bool all_busy = false;
    auto* const to = receiver_of(id, block, all_busy);
    if (!to && all_busy) {
      one.open.push_front(std::move(block));
      break;
    }
    if (!to) {
      one.stuck.push_back(std::move(block));
      one.retry_at = one.retry_at.value_or(now_ + options_.handover.retry_wait);
      continue;
    }
    ++to->receiving;
    ++to->received;
    ++one.moving;
    auto& order = orders.try_emplace(to->id, take_over{to->id, id, {}}).first->second;
    order.blocks.push_back({next_move_, block.is_map_output, block.owner, block.partition, block.made_by});
    moves_.emplace(next_move_++, block_move{id, to->id, std::move(block)});
  }
  for (auto& [to, order] : orders)
    act(std::move(order));
}

// Messages of executors that are lost do not come here.
void driver_scheduler::impl::on(const blocks_moved& e) {
  auto* const to = executors_.find(e.executor);
  bool lost = false;
  for (const auto& [number, outcome] : e.moves) {
    const auto at = moves_.find(number);
    if (!to || at == moves_.end() || at->second.to != e.executor)
      continue;
    auto move = std::move(at->second);
    moves_.erase(at);
    --to->receiving;
    auto& one = departures_.at(move.from);
    --one.moving;
    if (const auto leaves = departures_.find(e.executor); leaves != departures_.end())
      leaves->second.looked = false; // it leaves itself by now
    auto& block = move.block;
    if (outcome == move_outcome::moved && block.is_map_output) {
      if (outputs_.relocate({block.owner}, block.partition, move.from, move.to, block.made_by)) {
        one.shuffles.insert({block.owner});
        ++one.moved;
      } else { // it was lost, released or made again meanwhile
        act(discard_result{block.made_by, e.executor, std::pair(shuffle_id{block.owner}, block.partition)});
      }
    } else if (outcome == move_outcome::moved) {
      // A dataset that was dropped meanwhile is dropped there, too: the order to do so came after the order to take it over.
      if (still_to_be_moved(move.from, block)) {
        cache_.add({{block.owner}, block.partition}, move.to);
        cache_.remove({{block.owner}, block.partition}, move.from);
        one.datasets.insert({block.owner});
        ++one.moved;
      }
    } else if (outcome == move_outcome::not_found && still_to_be_moved(move.from, block)) {
      // As if a reader had not found it.
      lost = true;
      if (!block.is_map_output)
        cache_.remove({{block.owner}, block.partition}, move.from);
      else if (outputs_.remove({block.owner}, block.partition, move.from))
        map_output_lost({block.owner}, block.partition);
    } else if (still_to_be_moved(move.from, block)) {
      block.refused_by.push_back(move.to);
      (++block.failures < options_.handover.failures_max ? one.open.push_back(std::move(block)) : one.stuck.push_back(std::move(block)));
      if (!one.stuck.empty() && !one.retry_at)
        one.retry_at = now_ + options_.handover.retry_wait;
    }
  }
  if (lost)
    inputs_shrank();
}

// Nobody has room. Who could stay does; the others are given the time that their worker gives them.
bool driver_scheduler::impl::give_up_moving(executor_id id, departure& one) {
  const auto text = name_of(id) + " cannot hand over " + counted(one.stuck.size(), "block") + ": no other executor has room";
  if (one.may_stay) {
    SALAMANDER_PROBE("executor stays because nobody takes what it holds");
    note(notice::level::info, text + "; it stays");
    act(executor_stays{id, text});
    executors_.find(id)->leaving = false;
    departed_.erase(id);
    freed_.push_back(id);
    one.open.clear();
    one.stuck.clear();
    one.looked = false;
    one.may_stay = false;
    end_departure(id);
    return true;
  }
  if (!std::exchange(one.said_stuck, true))
    note(notice::level::warning, text + " so far. What it still holds when it ends is computed again");
  return false;
}

bool driver_scheduler::impl::reads_what_moved(const stage& reader, const departure& one) const {
  const auto of_moved_shuffle = [&](const stage* parent) { return one.shuffles.contains(parent->shuffle); };
  const auto is_moved = [&](const core::lineage* dataset) { return one.datasets.contains(dataset->id); };
  return std::any_of(reader.parents.begin(), reader.parents.end(), of_moved_shuffle) ||
         std::any_of(reader.cached.begin(), reader.cached.end(), is_moved);
}

void driver_scheduler::impl::renew_readers(departure& one) {
  one.told_before = task_id{next_task_};
  for (const auto& [id, s] : graph_.all())
    if (s->current && reads_what_moved(*s, one) && !core::planted(core::defect::moved_inputs_not_renewed))
      act(renew_inputs{id});
}

bool driver_scheduler::impl::read_at_old_places(const departure& one) {
  if (one.shuffles.empty() && one.datasets.empty())
    return false;
  return std::any_of(attempts_.begin(), attempts_.end(), [&](const auto& entry) {
    const auto& attempt = entry.second;
    const auto* of = attempt.cancelled || !(attempt.task < *one.told_before) ? nullptr : graph_.find(attempt.stage);
    return of && reads_what_moved(*of, one);
  });
}

// Of one that leaves: nothing of it is moved any more. Of one that takes blocks over: others are asked to.
void driver_scheduler::impl::end_departure(executor_id lost) {
  for (auto at = moves_.begin(); at != moves_.end();) {
    auto& move = at->second;
    if (move.from != lost && move.to != lost) {
      ++at;
      continue;
    }
    if (auto* const to = executors_.find(move.to))
      --to->receiving;
    if (move.from != lost) {
      auto& one = departures_.at(move.from);
      --one.moving;
      one.open.push_back(std::move(move.block));
    }
    at = moves_.erase(at);
  }
  if (const auto over = departures_.find(lost); over != departures_.end()) {
    renew_readers(over->second); // what has moved is not lost, so nothing else would tell them
    departures_.erase(over);
  }
}

bool driver_scheduler::impl::has_moved(const fetch_failed& why) const {
  const auto& where = outputs_.locations(why.shuffle);
  return departed_.contains(why.from) && why.map_partition < where.size() && where[why.map_partition] != no_executor &&
         where[why.map_partition] != why.from;
}

} // namespace salamander::scheduler
