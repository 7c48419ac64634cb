// An executor's process: its end of the session, its queue of work, its blocks, and cores that take virtual time.
#pragma once

#include "task_model.hpp"
#include "world.hpp"

#include <salamander/scheduler/executor_queue.hpp>
#include <salamander/storage/block_store.hpp>

namespace salamander::sim {

/// Does what actors/executor_actor and executor_runtime do, with the same state machines and no threads.
class executor_model {
public:
  struct identity {
    world::process self = 0;
    world::process driver = 0;
    std::uint32_t slot = 0;
    executor_id executor;
    std::uint64_t incarnation = 0;
    bool hangs = false; ///< it never does anything
  };

  executor_model(world& around, const identity& who);
  ~executor_model();

  /// The process has started; it registers unless it hangs.
  void begin();
  void receive(const control& what);
  /// Its connection to the driver ended.
  void connection_lost();

  const identity& who() const noexcept {
    return who_;
  }
  storage::block_store& store() noexcept {
    return store_;
  }

  // For its tasks.
  world& around() noexcept {
    return world_;
  }
  /// A task has come to its end; its core is free.
  void task_ended(std::uint64_t task, task_report what);
  duration stretched(duration time) const noexcept {
    return time * slow_factor_;
  }
  bool take_allocation_failure() noexcept;
  world::process process_of(executor_id executor) const;
  /// The process ends because it decided so: no task is to be blamed.
  void exit(const std::string& reason);
  /// It ends because of what a task did.
  void crash(const std::string& reason);

  // Faults.
  void slow_down(std::uint32_t factor) noexcept {
    slow_factor_ = factor;
  }
  void fail_allocations(std::uint32_t times) noexcept {
    allocation_failures_ += times;
  }
  void press(std::uint32_t percent);
  void relax();
  void delete_blocks(std::uint32_t count, std::uint64_t salt);
  /// A bit of a result that is kept as bytes; what is typed has no bytes to change.
  void corrupt_stored(std::uint64_t salt);
  void replay_old_order(std::uint64_t salt);
  /// One that other executors were sent, which are gone. It must be of a stage that this one knows nothing of, or nothing happens.
  void replay_order_of_others(const std::vector<task_order>& others, std::uint64_t salt);
  const std::vector<task_order>& old_orders() const noexcept {
    return old_orders_;
  }

  // What there is, for checks.
  std::size_t running() const noexcept {
    return running_.size();
  }
  std::size_t waiting() const noexcept {
    return queue_.waiting();
  }
  bool has_reports_to_send() const noexcept {
    return !reports_.empty();
  }
  const driver_session& session() const noexcept {
    return session_;
  }
  /// The tasks on its cores, as its process leaves them in shared memory.
  std::vector<std::uint64_t> positions() const;
  std::uint64_t reserved_by_tasks() const noexcept;
  std::uint64_t pressed() const noexcept {
    return pressed_;
  }
  /// Names of the map outputs and cached blocks that it has ever been given and may still hold.
  const std::set<std::pair<std::uint32_t, std::uint32_t>>& map_outputs() const noexcept {
    return map_outputs_;
  }
  void note_map_output(std::uint32_t shuffle, std::uint32_t map) {
    map_outputs_.insert({shuffle, map});
  }
  void note_result(std::uint64_t task) {
    results_.push_back(task);
  }
  void note_cached(std::uint32_t dataset, std::uint32_t partition) {
    cached_.insert({dataset, partition});
  }
  void check_after_event();
  void check_idle();
  /// After everything was dropped.
  void check_empty();

private:
  using queue_of_work = scheduler::executor_queue<task_order, std::shared_ptr<stage_state>>;

  void register_at_driver();
  void beat();
  void perform(std::vector<driver_session::action> actions);
  void obey(const order& what);
  void add_stage(const std::shared_ptr<const stage_order>& order);
  void add_task(task_order task);
  void refuse(const task_order& task);
  void cancel(const std::vector<std::uint64_t>& tasks);
  void report(task_report what);
  void fill_cores();
  // Blocks of executors that leave (block_moves.cpp).
  void take_over(executor_id from, const scheduler::moving_block& what);
  void fetch_for_move(std::uint64_t move, std::vector<block_exchange::request> requests, std::function<void(block_exchange::blocks)> then);
  void moved(std::uint64_t move, scheduler::move_outcome how);
  void keep_moved_output(const scheduler::moving_block& what, const storage::map_outline& outline, const block_exchange::blocks& fetched);
  void schedule_reports();
  void send_reports();

  world& world_;
  identity who_;
  storage::memory_manager memory_;
  storage::block_store store_;
  driver_session session_;
  queue_of_work queue_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> stages_; ///< that the queue knows
  std::map<std::uint64_t, std::unique_ptr<task_run>> running_;
  bool leaves_ = false;                          ///< by its own decision: no task is to be blamed
  std::vector<std::unique_ptr<task_run>> ended_; ///< destroyed when nobody is inside them
  std::vector<task_report> reports_;
  std::map<std::uint64_t, std::shared_ptr<block_exchange::fetch>> moves_; ///< that go on
  std::vector<std::pair<std::uint64_t, scheduler::move_outcome>> moved_;  ///< to be reported
  bool reports_scheduled_ = false;
  std::uint64_t next_report_ = 1;
  std::uint64_t next_order_ = 1;
  std::uint32_t slow_factor_ = 1;
  std::uint32_t allocation_failures_ = 0;
  std::uint64_t pressed_ = 0;
  std::set<std::pair<std::uint32_t, std::uint32_t>> map_outputs_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> cached_;
  std::vector<std::uint64_t> results_; ///< of tasks, that were kept here
  std::vector<task_order> old_orders_; ///< all that came
};

} // namespace salamander::sim
