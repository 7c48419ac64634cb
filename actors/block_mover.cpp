#include <salamander/actors/block_mover.hpp>

#include <salamander/scheduler/events.hpp>
#include <salamander/storage/crc32c.hpp>

namespace salamander::actors {
namespace {

using scheduler::move_outcome;
using storage::block_id;
using storage::put_outcome;

constexpr std::uint8_t code_of(move_outcome what) noexcept {
  return static_cast<std::uint8_t>(what);
}

/// Fetched bytes are accounted for as the fetcher's as long as somebody has them: what stays is a copy, accounted for by the store.
std::shared_ptr<const core::byte_buffer> copy_of(const core::byte_buffer& bytes) {
  return std::make_shared<const core::byte_buffer>(bytes);
}

} // namespace

void block_mover::take_over(std::uint32_t from, std::vector<moving_block> blocks) {
  const auto drops = blocks_.store().drops();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_)
      return;
    for (const auto& one : blocks)
      orders_.push_back({from, one, drops});
    if (!thread_.joinable())
      thread_ = std::thread([this] { work(); });
  }
  changed_.notify_one();
}

std::vector<std::pair<std::uint64_t, std::uint8_t>> block_mover::take_outcomes() {
  const std::lock_guard lock(mutex_);
  return std::exchange(outcomes_, {});
}

void block_mover::stop() {
  std::thread ending;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ending = std::move(thread_);
  }
  changed_.notify_one();
  if (ending.joinable())
    ending.join();
}

void block_mover::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !orders_.empty(); });
    if (stopping_)
      return;
    const auto next = orders_.front();
    orders_.pop_front();
    lock.unlock();
    const auto outcome = move(next);
    lock.lock();
    outcomes_.emplace_back(next.block.move, outcome);
    const bool first = outcomes_.size() == 1;
    lock.unlock();
    if (first && !stopping_)
      on_outcomes_();
    lock.lock();
  }
}

std::uint8_t block_mover::move(const order& what) {
  if (!blocks_.has_peers())
    return code_of(move_outcome::failed);
  try {
    return what.block.is_map_output ? move_output(what) : move_cached(what);
  } catch (const net::fetch_error& failure) {
    switch (failure.problem) {
    case net::fetch_problem::not_found:
      return code_of(move_outcome::not_found);
    case net::fetch_problem::out_of_memory:
      return code_of(move_outcome::no_room);
    default:
      return code_of(move_outcome::failed);
    }
  } catch (const std::bad_alloc&) {
    return code_of(move_outcome::no_room);
  } catch (const std::exception&) {
    return code_of(move_outcome::failed); // cancelled: nobody asks any more
  }
}

std::uint8_t block_mover::move_cached(const order& what) {
  const auto id = block_id::cached(what.block.owner, what.block.partition);
  auto& store = blocks_.store();
  if (store.find(id))
    return code_of(move_outcome::moved);
  net::block_fetcher fetcher(blocks_.taking_over_client(), {{id, what.from, nullptr}}, &stopping_);
  const auto fetched = fetcher.next();
  if (!fetched)
    return code_of(move_outcome::failed);
  const auto outcome = store.put(id, to_stored(copy_of(*fetched)), what.ordered_at, storage::room::free_only);
  if (outcome == put_outcome::refused)
    return code_of(move_outcome::no_room);
  return code_of(store.find(id) ? move_outcome::moved : move_outcome::failed); // its dataset may have been dropped meanwhile
}

std::optional<storage::map_outline> block_mover::fetch_outline(const order& what) {
  const auto id = block_id::outline(what.block.owner, what.block.partition);
  net::block_fetcher fetcher(blocks_.taking_over_client(), {{id, what.from, nullptr}}, &stopping_);
  const auto bytes = fetcher.next();
  return bytes ? storage::decode_outline(*bytes) : std::nullopt;
}

std::uint8_t block_mover::move_output(const order& what) {
  const auto shuffle = what.block.owner;
  const auto map = what.block.partition;
  const auto outline = fetch_outline(what);
  if (!outline)
    return code_of(move_outcome::failed);
  if (outline->attempt != what.block.made_by)
    return code_of(move_outcome::not_found);
  std::vector<net::block_fetcher::request> requests;
  for (std::uint32_t reduce = 0; reduce < outline->has_records.size(); ++reduce)
    if (outline->has_records[reduce])
      requests.push_back({block_id::shuffle(shuffle, map, reduce), what.from, nullptr});
  storage::map_output output{{}, nullptr, 0, outline->attempt, outline->fingerprint};
  output.blocks.resize(outline->has_records.size());
  output.checksums.resize(outline->has_records.size());
  const auto count = requests.size();
  std::vector<std::shared_ptr<const net::byte_buffer>> fetched; // accounted for until the store has the copies
  std::vector<std::uint32_t> places;
  for (const auto& one : requests)
    places.push_back(one.id.c);
  if (count != 0) {
    net::block_fetcher fetcher(blocks_.taking_over_client(), std::move(requests), &stopping_);
    for (std::size_t i = 0; i < count; ++i) {
      fetched.push_back(fetcher.next());
      if (!fetched.back())
        return code_of(move_outcome::failed);
    }
  }
  // The task may have run there once more meanwhile: its blocks are replaced all together, and these may be of both.
  if (const auto still = fetch_outline(what); !still || still->attempt != outline->attempt)
    return code_of(move_outcome::failed);
  for (std::size_t i = 0; i < count; ++i) {
    output.size_bytes += fetched[i]->size();
    output.checksums[places[i]] = storage::crc32c(*fetched[i]);
    output.blocks[places[i]] = copy_of(*fetched[i]);
    fetched[i].reset();
  }
  auto& store = blocks_.store();
  const auto attempt = outline->attempt;
  const auto outcome = store.commit_map_output(shuffle, map, std::move(output), storage::room::free_only);
  if (outcome == put_outcome::refused)
    return code_of(move_outcome::no_room);
  if (outcome == put_outcome::existed) {
    // One of this attempt is as good; a later one, or a shuffle that was dropped, means that nobody wants this one.
    const auto here = store.find(block_id::outline(shuffle, map));
    const auto known = here ? storage::decode_outline(*static_cast<const core::byte_buffer*>(here->object.get())) : std::nullopt;
    if (!known || known->attempt != attempt)
      return code_of(move_outcome::failed);
  }
  return code_of(move_outcome::moved);
}

} // namespace salamander::actors
