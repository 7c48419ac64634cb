#include <salamander/actors/task_environment.hpp>

#include <salamander/actors/fault_injector.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_tolerance.hpp>
#include <salamander/rdd/hash.hpp>

namespace salamander::actors {
namespace {

using storage::block_id;

constexpr std::uint64_t key_of(std::uint32_t dataset, std::uint32_t partition) noexcept {
  return (static_cast<std::uint64_t>(dataset) << 32) | partition;
}

[[noreturn]] void rethrow_as_task_error(const net::fetch_error& failure, core::shuffle_id shuffle, std::uint32_t map, std::uint32_t peer) {
  // Another attempt of the map task would fail in the same way, and more memory is not found by rerunning it either.
  if (failure.problem == net::fetch_problem::not_encodable)
    core::throw_error(errc::not_serializable, failure.what());
  if (failure.problem == net::fetch_problem::out_of_memory)
    core::throw_error(errc::out_of_memory, failure.what());
  throw core::fetch_failure(shuffle, map, peer, failure.what());
}

/// The fingerprint of a map output: of its blocks and where they go. 0: one of them is unknown.
std::uint64_t fingerprint_of(const std::vector<std::shared_ptr<const core::block_object>>& blocks) {
  std::uint64_t all = core::mix(blocks.size() + 1, 0x9e3779b97f4a7c15ULL);
  for (std::size_t reduce = 0; reduce < blocks.size(); ++reduce) {
    if (!blocks[reduce])
      continue;
    const auto one = blocks[reduce]->fingerprint();
    if (one == 0)
      return 0;
    all = core::mix(all ^ one, 0x9e3779b97f4a7c15ULL + 2 * reduce);
  }
  return all == 0 ? 1 : all;
}

/// Local blocks as they are, the others through a fetcher, all in order of map partition.
class merged_shuffle_input final : public core::shuffle_input {
public:
  merged_shuffle_input(block_service& blocks, const shuffle_source& source, std::uint32_t reduce, const std::atomic<bool>& cancelled,
                       core::task_faults* faults)
      : blocks_(blocks), shuffle_{source.shuffle}, reduce_(reduce), source_(source), executors_(source.executors), cancelled_(cancelled) {
    if (faults)
      faults_.emplace(*faults, &cancelled);
    const auto& executors = source.executors;
    std::vector<std::uint32_t> here;
    std::vector<net::block_fetcher::request> elsewhere;
    for (std::uint32_t map = 0; map < executors.size(); ++map) {
      if (executors[map] == core::fetch_failure::no_executor)
        fail(map, "no executor holds " + block_id::shuffle(shuffle_.value, map, reduce).text());
      const auto id = block_id::shuffle(shuffle_.value, map, reduce);
      if (executors[map] == kept_peer)
        continue;
      if (executors[map] == blocks.self() || !blocks.has_peers()) {
        if (faults_ && faults_->loses(id))
          blocks.store().drop_map_output(shuffle_.value, map);
        here.push_back(map);
      } else {
        elsewhere.push_back({id, executors[map], faults_ ? faults_->spoiler(id) : nullptr});
      }
    }
    const auto found = blocks.store().find_shuffle(shuffle_.value, reduce, here);
    local_.resize(executors.size());
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (!found[i])
        fail(here[i], block_id::shuffle(shuffle_.value, here[i], reduce).text() + " is not held by its executor any more");
      if (!is_intact(*found[i])) {
        blocks.store().drop_map_output(shuffle_.value, here[i]);
        fail(here[i], block_id::shuffle(shuffle_.value, here[i], reduce).text() + " was damaged where it was held");
      }
      local_[here[i]] = {true, to_block(*found[i])};
    }
    for (const auto& one : elsewhere)
      maps_elsewhere_.push_back(one.id.b);
    if (!elsewhere.empty())
      fetcher_.emplace(blocks.client(), std::move(elsewhere), &cancelled);
  }

  core::block next() override {
    while (map_ < executors_.size()) {
      if (cancelled_.load(std::memory_order_relaxed))
        throw core::task_cancelled();
      auto& mine = local_[map_];
      auto taken = mine.here ? std::exchange(mine.block, {}) : executors_[map_] == kept_peer ? read_kept() : fetch();
      ++map_;
      if (taken)
        return taken;
    }
    return {};
  }

private:
  struct local_block {
    bool here = false;
    core::block block;
  };

  [[noreturn]] void fail(std::uint32_t map, const std::string& why) const {
    throw core::fetch_failure(shuffle_, map, executors_[map], why);
  }

  core::block read_kept() {
    try {
      auto bytes = blocks_.kept().output_block(source_.kept_in, map_, reduce_);
      if (!bytes)
        return {};
      return {nullptr, blocks_.account(std::make_shared<const core::byte_buffer>(std::move(*bytes)))};
    } catch (const error& failure) {
      if (failure.code() == errc::out_of_memory)
        throw;
      fail(map_, failure.what());
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& failure) {
      fail(map_, failure.what());
    }
  }

  core::block fetch() {
    try {
      return {nullptr, fetcher_->next()};
    } catch (const net::fetch_cancelled&) {
      throw core::task_cancelled();
    } catch (const net::fetch_error& failure) {
      const auto map = maps_elsewhere_.at(failure.index);
      rethrow_as_task_error(failure, shuffle_, map, executors_[map]);
    }
  }

  block_service& blocks_;
  core::shuffle_id shuffle_;
  const std::uint32_t reduce_;
  const shuffle_source& source_;                ///< of the stage, which outlives its tasks
  const std::vector<std::uint32_t>& executors_; ///< the same
  const std::atomic<bool>& cancelled_;
  std::vector<local_block> local_;
  std::vector<std::uint32_t> maps_elsewhere_;
  std::optional<block_faults> faults_;
  std::optional<net::block_fetcher> fetcher_;
  std::uint32_t map_ = 0;
};

} // namespace

stage_inputs::stage_inputs(const stage_order& order)
    : shuffles_(order.shuffles), peers_(order.peers), keep_output_in_(order.keep_output_in), kept_datasets_(order.kept_datasets) {
  cached_.reserve(order.cached.size());
  for (const auto& one : order.cached)
    cached_.emplace(key_of(one.dataset, one.partition), one.executor);
}

const shuffle_source* stage_inputs::source_of(std::uint32_t shuffle) const noexcept {
  for (const auto& one : shuffles_)
    if (one.shuffle == shuffle)
      return &one;
  return nullptr;
}

const std::string* stage_inputs::place_of(std::uint32_t dataset) const noexcept {
  for (const auto& [known, place] : kept_datasets_)
    if (known == dataset)
      return &place;
  return nullptr;
}

std::uint32_t stage_inputs::holder_of(std::uint32_t dataset, std::uint32_t partition) const noexcept {
  const auto found = cached_.find(key_of(dataset, partition));
  return found == cached_.end() ? core::fetch_failure::no_executor : found->second;
}

task_environment::~task_environment() {
  for (const auto partition : claims_)
    blocks_.claims().end(partition, this);
}

bool task_environment::claim(std::uint64_t partition) {
  const auto turn = blocks_.claims().take(partition, this, cancelled_);
  if (turn == cache_claims::turn::yours)
    claims_.push_back(partition);
  return turn != cache_claims::turn::over;
}

core::block task_environment::find_cached(core::rdd_id dataset, std::uint32_t partition) {
  const auto id = block_id::cached(dataset.value, partition);
  std::optional<block_faults> faults;
  if (faults_)
    faults.emplace(*faults_, cancelled_);
  if (auto here = blocks_.find_here(id)) {
    if (!faults || !faults->loses(id))
      return here;
    blocks_.store().drop(id);
    return {};
  }
  const auto holder = inputs_.holder_of(dataset.value, partition);
  if (holder == kept_peer) {
    if (auto kept = find_kept(dataset.value, partition))
      return kept;
  } else if (blocks_.has_peers() && holder != core::fetch_failure::no_executor && holder != blocks_.self()) {
    try {
      return blocks_.fetch(holder, id, cancelled_, faults ? faults->spoiler(id) : nullptr);
    } catch (const net::fetch_error&) {
      // It can be computed again, here. If it was damaged, its holder has dropped it and tells the driver so.
    }
  }
  while (!claim(key_of(dataset.value, partition)))
    if (auto here = blocks_.find_here(id))
      return here;
  return {};
}

// From now on it is in memory, too.
core::block task_environment::find_kept(std::uint32_t dataset, std::uint32_t partition) {
  const auto* const place = inputs_.place_of(dataset);
  if (!place)
    return {};
  try {
    auto bytes = blocks_.kept().cached_block(*place, partition);
    if (!bytes)
      return {};
    auto records = std::make_shared<const core::byte_buffer>(std::move(*bytes));
    const auto outcome = blocks_.store().put(block_id::cached(dataset, partition), to_stored(records), ordered_at_);
    if (outcome == storage::put_outcome::stored)
      report_.cached.emplace_back(dataset, partition);
    return {nullptr, outcome == storage::put_outcome::refused ? blocks_.account(std::move(records)) : std::move(records)};
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const error& failure) {
    if (failure.code() == errc::out_of_memory)
      throw;
    report_.kept_lost.emplace_back(dataset, partition);
    return {};
  } catch (const std::exception&) {
    report_.kept_lost.emplace_back(dataset, partition); // it can be computed again
    return {};
  }
}

bool task_environment::store_cached(core::rdd_id dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records) {
  if (const auto* const place = inputs_.place_of(dataset.value); place && blocks_.kept().write_cached(*place, partition, *records))
    report_.kept.emplace_back(dataset.value, partition);
  const auto outcome = blocks_.store().put(block_id::cached(dataset.value, partition), to_stored(std::move(records)), ordered_at_);
  if (outcome == storage::put_outcome::stored)
    report_.cached.emplace_back(dataset.value, partition);
  give_up_cached(dataset, partition);
  return outcome != storage::put_outcome::refused;
}

void task_environment::give_up_cached(core::rdd_id dataset, std::uint32_t partition) {
  const auto key = key_of(dataset.value, partition);
  if (std::erase(claims_, key) != 0)
    blocks_.claims().end(key, this);
}

void task_environment::contribute(core::rdd_id dataset, std::uint32_t partition, core::contribution_list added) {
  auto values = to_values(std::move(added), blocks_.has_peers());
  // Also if it is nothing: a partition without this file is not believed to have been counted.
  if (const auto* const place = inputs_.place_of(dataset.value))
    blocks_.kept().write_added(*place, partition, values);
  if (values.empty())
    return;
  blocks_.contributions().put({report_.task, dataset.value, partition, std::move(values)});
}

void task_environment::commit_map_output(core::shuffle_id shuffle, std::uint32_t map_partition, std::uint64_t attempt,
                                         std::vector<std::shared_ptr<const core::block_object>> blocks, std::uint64_t fingerprint) {
  if (fingerprint == 0 && compares_map_outputs())
    fingerprint = fingerprint_of(blocks);
  std::optional<committed_output> copy;
  if (!inputs_.keep_output_in().empty())
    copy.emplace(committed_output{shuffle.value, map_partition, fingerprint, blocks});
  storage::map_output output{{}, &encode_block_object, 0, attempt, fingerprint};
  output.blocks.reserve(blocks.size());
  for (auto& one : blocks) {
    if (one)
      output.size_bytes += one->memory_bytes();
    output.blocks.emplace_back(std::move(one));
  }
  const auto bytes = output.size_bytes;
  const auto outcome = blocks_.store().commit_map_output(shuffle.value, map_partition, std::move(output));
  if (outcome == storage::put_outcome::refused)
    core::throw_error(errc::out_of_memory,
                      "the map output of partition " + std::to_string(map_partition) + " for shuffle " + std::to_string(shuffle.value) +
                          " has " + std::to_string(bytes) +
                          " bytes and does not fit the memory budget; use more executors or raise salamander.executor.memory "
                          "(salamander.driver.memory in local mode)");
  report_.shuffle_bytes += bytes;
  if (outcome == storage::put_outcome::stored)
    committed_ = std::move(copy);
  // What counts is what is kept: a later attempt's output, if there is one.
  report_.output_fingerprint =
      outcome == storage::put_outcome::stored ? fingerprint : blocks_.store().fingerprint_of(shuffle.value, map_partition);
}

void task_environment::keep_output(const contributed_values& added) {
  if (committed_)
    report_.output_kept = blocks_.kept().write_output(inputs_.keep_output_in(), committed_->map_partition, committed_->blocks,
                                                      committed_->fingerprint, added);
}

bool task_environment::compares_map_outputs() const noexcept {
  return core::fault_tolerance && blocks_.has_peers();
}

std::unique_ptr<core::shuffle_input> task_environment::open_shuffle(core::shuffle_id shuffle, std::uint32_t reduce_partition,
                                                                    const std::atomic<bool>& cancelled) {
  const auto* const source = inputs_.source_of(shuffle.value);
  if (!source)
    core::throw_error(errc::internal, "the stage was sent without the locations of shuffle " + std::to_string(shuffle.value));
  return std::make_unique<merged_shuffle_input>(blocks_, *source, reduce_partition, cancelled, faults_);
}

core::block task_environment::fetch_source(core::rdd_id dataset, std::uint32_t partition) {
  const auto id = block_id::source(dataset.value, partition);
  if (auto here = blocks_.find_here(id))
    return here;
  if (!blocks_.has_peers() || blocks_.self() == driver_peer)
    core::throw_error(errc::internal, "the driver does not hold " + id.text() + "; its dataset was released while a job used it");
  try {
    return blocks_.fetch(driver_peer, id, cancelled_);
  } catch (const net::fetch_error& failure) {
    switch (failure.problem) {
    case net::fetch_problem::unreachable:
    case net::fetch_problem::corrupt:
      core::throw_error(errc::executor_lost, "data held by the driver could not be fetched: " + std::string(failure.what()));
    case net::fetch_problem::not_found:
      core::throw_error(errc::internal, "the driver does not hold " + id.text() + "; its dataset was released while a job used it");
    case net::fetch_problem::not_encodable:
      core::throw_error(errc::not_serializable, failure.what());
    case net::fetch_problem::out_of_memory:
      core::throw_error(errc::out_of_memory, failure.what());
    }
    throw;
  }
}

// Functions ask once a record; most tasks have one value or two.
const core::block_object& task_environment::find_broadcast(std::uint32_t broadcast, std::uint64_t size, broadcast_values::decoder decode) {
  for (const auto& [known, value] : broadcasts_)
    if (known == broadcast)
      return *value;
  return *broadcasts_.emplace_back(broadcast, blocks_.broadcasts().get(broadcast, size, decode, inputs_.peers(), cancelled_)).second;
}

std::vector<std::string> task_environment::wait_at_barrier(std::uint32_t epoch, const std::string* gives) {
  if (!hall_)
    return task_services::wait_at_barrier(epoch, gives);
  return hall_->wait({report_.task, epoch, gives != nullptr, gives ? *gives : std::string()}, cancelled_);
}

bool task_environment::reserve_memory(std::size_t bytes) {
  return blocks_.store().reserve(bytes);
}

bool task_environment::reserve_to_cache(std::size_t bytes, core::rdd_id dataset) {
  return blocks_.store().reserve(bytes, dataset.value);
}

void task_environment::release_memory(std::size_t bytes) noexcept {
  if (bytes != 0)
    blocks_.store().release(bytes);
}

} // namespace salamander::actors
