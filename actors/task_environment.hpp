// What one running task sees of its process.
#pragma once

#include <salamander/actors/barrier_hall.hpp>
#include <salamander/actors/block_service.hpp>

#include <unordered_map>

namespace salamander::actors {

/// Where the blocks are that tasks of a stage read.
struct stage_inputs {
  explicit stage_inputs(const stage_order& order);

  const shuffle_source* source_of(std::uint32_t shuffle) const noexcept;
  /// core::fetch_failure::no_executor: none is known.
  std::uint32_t holder_of(std::uint32_t dataset, std::uint32_t partition) const noexcept;
  /// Where copies of the stage's map outputs go; empty: nowhere.
  const std::string& keep_output_in() const noexcept {
    return keep_output_in_;
  }
  /// Where copies of a cached dataset are; null: nowhere.
  const std::string* place_of(std::uint32_t dataset) const noexcept;
  /// Executors that may have pieces of broadcast values.
  const std::vector<std::uint32_t>& peers() const noexcept {
    return peers_;
  }

private:
  std::vector<shuffle_source> shuffles_;
  std::unordered_map<std::uint64_t, std::uint32_t> cached_;
  std::vector<std::uint32_t> peers_;
  std::string keep_output_in_;
  std::vector<std::pair<std::uint32_t, std::string>> kept_datasets_;
};

/// Serves one task and notes in its report what it kept. Used by the task's thread, but for `reserve_memory` and `release_memory`.
class task_environment final : public core::task_services {
public:
  task_environment(block_service& blocks, const stage_inputs& inputs, task_report& report) noexcept
      : blocks_(blocks), inputs_(inputs), report_(report) {}
  ~task_environment() override;

  /// Set once the task's context exists.
  void watch(const std::atomic<bool>& cancelled) noexcept {
    cancelled_ = &cancelled;
  }

  /// How many times datasets had been dropped when the task's stage was ordered: cached blocks dropped since stay dropped.
  void ordered_at(std::uint64_t drops) noexcept {
    ordered_at_ = drops;
  }

  /// What this task shall suffer; null: nothing.
  void inject(core::task_faults* faults) noexcept {
    faults_ = faults;
  }

  /// The task has succeeded, and has added this: copies of its map outputs are made.
  void keep_output(const contributed_values& added);

  /// Where it may wait for other tasks.
  void meet_in(barrier_hall& hall) noexcept {
    hall_ = &hall;
  }

  core::block find_cached(core::rdd_id dataset, std::uint32_t partition) override;
  bool store_cached(core::rdd_id dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records) override;
  void give_up_cached(core::rdd_id dataset, std::uint32_t partition) override;
  void contribute(core::rdd_id dataset, std::uint32_t partition, core::contribution_list added) override;
  void commit_map_output(core::shuffle_id shuffle, std::uint32_t map_partition, std::uint64_t attempt,
                         std::vector<std::shared_ptr<const core::block_object>> blocks, std::uint64_t fingerprint) override;
  bool compares_map_outputs() const noexcept override;
  std::unique_ptr<core::shuffle_input> open_shuffle(core::shuffle_id shuffle, std::uint32_t reduce_partition,
                                                    const std::atomic<bool>& cancelled) override;
  core::block fetch_source(core::rdd_id dataset, std::uint32_t partition) override;
  const core::block_object& find_broadcast(std::uint32_t broadcast, std::uint64_t size, broadcast_values::decoder decode) override;
  std::vector<std::string> wait_at_barrier(std::uint32_t epoch, const std::string* gives) override;
  bool reserve_memory(std::size_t bytes) override;
  bool reserve_to_cache(std::size_t bytes, core::rdd_id dataset) override;
  void release_memory(std::size_t bytes) noexcept override;

private:
  struct committed_output {
    std::uint32_t shuffle = 0;
    std::uint32_t map_partition = 0;
    std::uint64_t fingerprint = 0;
    std::vector<std::shared_ptr<const core::block_object>> blocks;
  };

  core::block find_kept(std::uint32_t dataset, std::uint32_t partition);
  /// True when this task shall compute the partition; false when another one has done so meanwhile.
  bool claim(std::uint64_t partition);

  block_service& blocks_;
  const stage_inputs& inputs_;
  task_report& report_;
  std::uint64_t ordered_at_ = storage::block_store::newest;
  std::vector<std::uint64_t> claims_;                                         ///< partitions that others may be waiting for
  std::vector<std::pair<std::uint32_t, broadcast_values::value>> broadcasts_; ///< what the task has asked for
  const std::atomic<bool>* cancelled_ = nullptr;
  core::task_faults* faults_ = nullptr;
  std::optional<committed_output> committed_; ///< of which copies are wanted
  barrier_hall* hall_ = nullptr;
};

} // namespace salamander::actors
