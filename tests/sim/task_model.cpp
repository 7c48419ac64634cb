#include "task_model.hpp"

#include "executor_model.hpp"

#include <algorithm>

namespace salamander::sim {

using scheduler::no_executor;
using storage::block_id;
using storage::block_kind;

namespace {

constexpr std::chrono::microseconds task_start_time{10};
constexpr std::uint64_t batch_micros_max = 300'000;            ///< about; a batch is thousands of records, not all of them
constexpr std::chrono::milliseconds cancel_check_interval{50}; ///< of somebody who waits for blocks

} // namespace

/// What a task can reach: blocks of its own executor at once, others when they were fetched. While something is missing, whatever is
/// computed means nothing, and only shows what else is missing.
class task_run::inputs final : public partition_inputs {
public:
  explicit inputs(task_run& task) : task_(task), order_(*task.stage_->order), self_(task.owner_.who().executor) {}

  std::vector<block_id> missing;
  std::vector<event_queue::process> missing_from;
  std::optional<scheduler::fetch_failed> lost;
  bool no_locations = false;

  void call(const dataset& of, std::uint32_t partition) override {
    task_.functions_called_.emplace_back(of.id.value, partition);
  }

  std::shared_ptr<const records> find_cached(const dataset& of, std::uint32_t partition) override {
    const auto id = block_id::cached(of.id.value, partition);
    if (const auto mine = task_.owner_.store().find(id))
      return in_this_process(*mine, id);
    const auto holder = std::find_if(order_.inputs.cached.begin(), order_.inputs.cached.end(),
                                     [&](const auto& one) { return one.first.dataset == of.id && one.first.partition == partition; });
    if (holder == order_.inputs.cached.end() || holder->second == self_)
      return nullptr;
    return remote(id, holder->second, true);
  }

  void keep(const dataset& of, std::uint32_t partition, const std::shared_ptr<const records>& what) override {
    task_.to_cache_.push_back({&of, {partition, what}});
  }

  std::shared_ptr<const records> held(const dataset& of, std::uint32_t partition) override {
    const auto id = block_id::source(of.id.value, partition);
    if (const auto known = task_.here_.find(id); known != task_.here_.end())
      return known->second;
    want(id, task_.owner_.who().driver);
    return nothing();
  }

  std::vector<std::shared_ptr<const records>> shuffle(const dataset&, const core::dependency& from, std::uint32_t partition) override {
    const auto at = std::find_if(order_.inputs.shuffles.begin(), order_.inputs.shuffles.end(),
                                 [&](const auto& one) { return one.first == from.shuffle; });
    std::vector<std::shared_ptr<const records>> blocks;
    if (at == order_.inputs.shuffles.end()) {
      no_locations = true;
      return blocks;
    }
    for (std::uint32_t map = 0; map < at->second.size(); ++map)
      blocks.push_back(shuffle_block(from.shuffle, map, partition, at->second[map]));
    return blocks;
  }

private:
  static std::shared_ptr<const records> nothing() {
    static const auto none = std::make_shared<const records>();
    return none;
  }

  std::shared_ptr<const records> shuffle_block(shuffle_id shuffle, std::uint32_t map, std::uint32_t partition, executor_id holder) {
    const auto id = block_id::shuffle(shuffle.value, map, partition);
    if (holder != no_executor && holder != self_)
      return remote(id, holder, false);
    const auto mine = holder == self_ ? task_.owner_.store().find(id) : std::nullopt;
    if (!mine && !lost)
      lost = {shuffle, map, holder, id.text() + " is not held by its executor any more"};
    return mine && mine->object ? in_this_process(*mine, id) : nullptr;
  }

  /// Typed as it was made, or bytes that were moved here.
  static std::shared_ptr<const records> in_this_process(const storage::stored_block& block, const block_id& id) {
    if (block.encode)
      return std::static_pointer_cast<const records>(block.object);
    auto decoded = records_of(block);
    check(decoded.has_value(), "S3 intact data", [&] { return id.text() + " is held although its bytes have changed"; });
    return std::make_shared<const records>(std::move(*decoded));
  }

  /// Null: no records, or for a cached block: it has to be computed again.
  std::shared_ptr<const records> remote(const block_id& id, executor_id holder, bool can_be_computed) {
    if (const auto known = task_.here_.find(id); known != task_.here_.end())
      return known->second;
    want(id, task_.owner_.process_of(holder));
    return can_be_computed ? nothing() : nullptr;
  }

  void want(const block_id& id, event_queue::process from) {
    if (std::find(missing.begin(), missing.end(), id) != missing.end())
      return;
    missing.push_back(id);
    missing_from.push_back(from);
  }

  task_run& task_;
  const stage_order& order_;
  executor_id self_;
};

task_run::task_run(executor_model& owner, const task_order& what, std::shared_ptr<stage_state> stage)
    : owner_(owner), what_(what), stage_(std::move(stage)), dataset_(static_cast<const dataset&>(*stage_->order->program.dataset)),
      started_(owner.around().now()), random_(owner.around().plan.seed, mix(what.task)) {}

task_run::~task_run() = default;

template <class F>
void task_run::later(duration delay, F what) {
  owner_.around().queue.after(delay, owner_.who().self, [this, alive = std::weak_ptr(alive_), what] {
    if (!alive.expired() && !over_)
      what();
  });
}

void task_run::start() {
  later(owner_.stretched(task_start_time), [this] { advance(); });
}

void task_run::cancel() {
  cancelled_ = true;
  if (!fetch_)
    return;
  later(std::chrono::microseconds(random_.below(std::chrono::microseconds(cancel_check_interval).count())), [this] {
    if (std::exchange(fetch_, nullptr))
      end(scheduler::failure(scheduler::task_was_cancelled{}));
  });
}

void task_run::advance() {
  if (cancelled_)
    return end(scheduler::failure(scheduler::task_was_cancelled{}));
  const auto& order = *stage_->order;
  if (order.plan_is_block && !stage_->plan_is_here)
    return fetch({block_id::plan(order.stage.value, order.stage_attempt)}, {owner_.who().driver});
  to_cache_.clear();
  functions_called_.clear();
  inputs from(*this);
  result_ = compute(dataset_, what_.partition, from);
  if (from.no_locations)
    return fail(errc::internal, "the stage was sent without the locations of a shuffle that it reads");
  if (from.lost)
    return end(scheduler::failure(*from.lost));
  if (!from.missing.empty())
    return fetch(std::move(from.missing), std::move(from.missing_from));
  computed();
}

void task_run::fetch(std::vector<block_id> ids, std::vector<event_queue::process> from) {
  std::vector<block_exchange::request> requests;
  for (std::size_t i = 0; i < ids.size(); ++i)
    requests.push_back({ids[i], from[i]});
  fetch_ = owner_.around().blocks.start(
      owner_.who().self, std::move(requests),
      [this, ids](const block_exchange::blocks& what) {
        const auto keep = std::exchange(fetch_, nullptr);
        fetched(ids, what);
      },
      [this, ids](const block_exchange::failure& why) {
        const auto keep = std::exchange(fetch_, nullptr);
        fetch_failed(ids[why.index], why);
      });
}

void task_run::fetched(const std::vector<block_id>& ids, const block_exchange::blocks& what) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i].kind == block_kind::plan) {
      stage_->plan_is_here = true;
      continue;
    }
    auto decoded = what[i] ? decode(*what[i]) : records{};
    check(decoded.has_value(), "S3 intact data", [&] { return ids[i].text() + " was let through although its bytes had changed"; });
    here_[ids[i]] = what[i] ? std::make_shared<const records>(std::move(*decoded)) : nullptr;
  }
  advance();
}

void task_run::fetch_failed(const block_id& id, const block_exchange::failure& why) {
  switch (id.kind) {
  case block_kind::cached:
    here_[id] = nullptr; // it can be computed again
    return advance();
  case block_kind::shuffle: {
    auto from = no_executor;
    for (const auto& [shuffle, where] : stage_->order->inputs.shuffles)
      if (shuffle.value == id.a)
        from = where[id.b];
    ++owner_.around().counts.fetch_failures;
    return end(scheduler::failure(scheduler::fetch_failed{{id.a}, id.b, from, why.text}));
  }
  case block_kind::source:
  case block_kind::plan:
    return fail(why.why == block_exchange::problem::not_found ? errc::internal : errc::executor_lost,
                "data held by the driver could not be fetched: " + why.text);
  case block_kind::result:
  case block_kind::broadcast:
  case block_kind::outline:
    break;
  }
}

/// All that it reads is here, and what it makes is known. From now on it only takes time, memory and space.
void task_run::computed() {
  auto& around = owner_.around();
  if (owner_.take_allocation_failure()) {
    ++around.faults.seen.allocations;
    return fail(errc::out_of_memory, "std::bad_alloc");
  }
  std::uint64_t bytes = memory_bytes_of(*result_);
  for (const auto& [id, block] : here_)
    bytes += block ? memory_bytes_of(*block) : 0;
  if (!owner_.store().reserve(bytes))
    return fail(errc::out_of_memory, std::to_string(bytes) + " bytes for a task do not fit the memory budget");
  reserved_ = bytes;
  const auto micros = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(around.settings.task_time).count());
  auto time = random_.between(micros * 3 / 10, micros * 17 / 10);
  if (random_.once_in(25))
    time *= 6;
  batches_ = time < 1000 ? 1 : 2 + random_.below(3) + static_cast<std::uint32_t>(time / batch_micros_max);
  batch_time_ = std::chrono::microseconds(time / batches_);
  const auto& order = *stage_->order;
  if (!order.program.map_child && order.what == job_action::save) {
    file_ = "part-" + std::to_string(what_.partition) + "-" + std::to_string(what_.task);
    if (!around.disk.create(order.path, file_)) {
      file_.clear();
      return fail(errc::io_error, "cannot create the output file: its directory is gone");
    }
  }
  work(0);
}

void task_run::work(std::uint32_t batch) {
  later(owner_.stretched(batch_time_), [this, batch] {
    ++owner_.around().counts.progress;
    if (cancelled_)
      return end(scheduler::failure(scheduler::task_was_cancelled{}));
    if (batch == 0)
      keep_cached();
    if (!file_.empty() && owner_.around().faults.disk_fails(owner_.around().now(), random_))
      return fail(random_.chance(50) ? errc::io_error : errc::out_of_disk, "cannot write the output file " + file_);
    if (batch + 1 < batches_)
      return work(batch + 1);
    finish();
  });
}

void task_run::keep_cached() {
  for (const auto& [of, part] : to_cache_) {
    const auto id = block_id::cached(of->id.value, part.first);
    if (owner_.store().put(id, typed_block(*part.second), what_.ordered_at) != storage::put_outcome::stored)
      continue;
    owner_.note_cached(of->id.value, part.first);
    cached_.push_back({of->id, part.first});
  }
}

void task_run::finish() {
  for (const auto& place : functions_called_) {
    switch (owner_.around().faults.function_called(place)) {
    case sabotage::doing::nothing:
      break;
    case sabotage::doing::throws:
      return fail(errc::task_failed, "dataset " + std::to_string(place.first) + ", partition " + std::to_string(place.second) + ": boom");
    case sabotage::doing::ends_process:
      owner_.around().struck();
      return owner_.crash("killed by signal 11");
    }
  }
  stage_->order->program.map_child ? finish_map() : finish_result();
}

void task_run::finish_map() {
  const auto& program = stage_->order->program;
  const auto& child = static_cast<const dataset&>(*program.map_child);
  const auto shuffle = child.dependencies[program.map_dependency].shuffle;
  auto& store = owner_.store();
  storage::map_output output{{}, &encode_object, 0, what_.task};
  for (auto& part : split(child, *result_, what_.partition, random_.next())) {
    output.size_bytes += part.empty() ? 0 : memory_bytes_of(part);
    output.blocks.push_back(part.empty() ? nullptr : std::make_shared<const records>(std::move(part)));
  }
  const auto bytes = output.size_bytes;
  if (store.commit_map_output(shuffle.value, what_.partition, std::move(output)) == storage::put_outcome::refused)
    return fail(errc::out_of_memory, std::to_string(bytes) + " bytes of map output do not fit the memory budget");
  owner_.note_map_output(shuffle.value, what_.partition);
  task_success done;
  // Of the output that is kept: another attempt may have been first.
  done.output_fingerprint = owner_.around().settings.fingerprints ? 1 : 0;
  for (std::uint32_t p = 0; p < child.partitions && done.output_fingerprint != 0; ++p) {
    const auto kept = store.find(block_id::shuffle(shuffle.value, what_.partition, p));
    const auto part = kept && kept->object ? fingerprint_of(*static_cast<const records*>(kept->object.get())) : 0;
    done.output_fingerprint = mix(done.output_fingerprint ^ part) | 1;
  }
  end(std::move(done));
}

void task_run::finish_result() {
  task_success done;
  records result = *result_;
  const auto action = stage_->order->what;
  if (action != job_action::collect) {
    std::int64_t sum = 0;
    for (const auto& one : result)
      sum += one.value;
    result = {{static_cast<std::uint32_t>(result.size()), sum}};
  }
  if (action == job_action::save) {
    owner_.around().disk.write(stage_->order->path, file_, *result_);
    done.file = std::exchange(file_, {});
  }
  auto bytes = std::make_shared<byte_buffer>();
  encode(result, *bytes);
  done.result_bytes = bytes->size();
  if (bytes->size() <= owner_.around().settings.direct_result_bytes_max) {
    done.result = std::move(bytes);
    return end(std::move(done));
  }
  if (owner_.store().put(block_id::result(what_.task), encoded_block(result)) == storage::put_outcome::refused)
    return fail(errc::out_of_memory, "a result does not fit the memory budget");
  owner_.note_result(what_.task);
  done.kept = true;
  end(std::move(done));
}

void task_run::fail(errc code, const std::string& text) {
  end(scheduler::failure(scheduler::user_error{text, static_cast<std::uint8_t>(code)}));
}

void task_run::end(std::variant<task_success, scheduler::failure> outcome) {
  over_ = true;
  if (!file_.empty())
    owner_.around().disk.remove(stage_->order->path, file_);
  owner_.store().release(std::exchange(reserved_, 0));
  task_report made;
  made.task = what_.task;
  made.outcome = std::move(outcome);
  made.run_time = std::chrono::duration_cast<std::chrono::microseconds>(owner_.around().now() - started_);
  made.cached = cached_;
  owner_.task_ended(what_.task, std::move(made));
}

} // namespace salamander::sim
