// One attempt of a task on a core of a simulated executor: it reads its inputs, computes its partition, and takes its time.
#pragma once

#include "block_exchange.hpp"
#include "messages.hpp"

#include <map>
#include <set>

namespace salamander::sim {

class executor_model;

/// What the tasks of one attempt of a stage share at an executor.
struct stage_state {
  explicit stage_state(std::shared_ptr<const stage_order> what) : order(std::move(what)) {}

  std::shared_ptr<const stage_order> order;
  bool plan_is_here = false;
};

/// Runs between start and the call of executor_model::task_ended, which comes exactly once unless the process ends.
class task_run {
public:
  task_run(executor_model& owner, const task_order& what, std::shared_ptr<stage_state> stage);
  ~task_run();

  void start();
  /// Noticed at the end of the batch, or while it waits for blocks.
  void cancel();

  std::uint64_t reserved() const noexcept {
    return reserved_;
  }
  const task_order& what() const noexcept {
    return what_;
  }

private:
  class inputs;
  friend class inputs;

  /// Computes the partition if all it reads is here; else asks for what is missing.
  void advance();
  void fetch(std::vector<storage::block_id> ids, std::vector<event_queue::process> from);
  void fetched(const std::vector<storage::block_id>& ids, const block_exchange::blocks& what);
  void fetch_failed(const storage::block_id& id, const block_exchange::failure& why);
  void computed();
  void work(std::uint32_t batch);
  void keep_cached();
  void finish();
  void finish_map();
  void finish_result();
  bool write_output();
  void fail(errc code, const std::string& text);
  void end(std::variant<task_success, scheduler::failure> outcome);
  template <class F>
  void later(duration delay, F what);

  executor_model& owner_;
  task_order what_;
  std::shared_ptr<stage_state> stage_;
  const dataset& dataset_;
  time_point started_;
  random_stream random_;
  bool cancelled_ = false;
  bool over_ = false;
  std::map<storage::block_id, std::shared_ptr<const records>> here_; ///< fetched; null: without records, or not cached there any more
  std::shared_ptr<block_exchange::fetch> fetch_;
  std::shared_ptr<const records> result_;
  std::vector<std::pair<const dataset*, std::pair<std::uint32_t, std::shared_ptr<const records>>>> to_cache_;
  std::vector<scheduler::cached_block> cached_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> functions_called_; ///< dataset, partition
  std::uint64_t reserved_ = 0;
  std::uint32_t batches_ = 1;
  duration batch_time_{0};
  std::optional<std::uint32_t> throws_in_;
  std::optional<std::uint32_t> ends_process_in_;
  std::string file_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace salamander::sim
