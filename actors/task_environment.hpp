// What one running task sees of its process.
#pragma once

#include <salamander/actors/block_service.hpp>

#include <unordered_map>

namespace salamander::actors {

/// Where the blocks are that tasks of a stage read.
struct stage_inputs {
  explicit stage_inputs(const stage_order& order);

  const std::vector<std::uint32_t>* executors_of(std::uint32_t shuffle) const noexcept;
  /// core::fetch_failure::no_executor: none is known.
  std::uint32_t holder_of(std::uint32_t dataset, std::uint32_t partition) const noexcept;

private:
  std::vector<shuffle_source> shuffles_;
  std::unordered_map<std::uint64_t, std::uint32_t> cached_;
};

/// Serves one task and notes in its report what it kept. Used by the task's thread, but for `reserve_memory` and `release_memory`.
class task_environment final : public core::task_services {
public:
  task_environment(block_service& blocks, const stage_inputs& inputs, task_report& report) noexcept
      : blocks_(blocks), inputs_(inputs), report_(report) {}

  /// Set once the task's context exists.
  void watch(const std::atomic<bool>& cancelled) noexcept {
    cancelled_ = &cancelled;
  }

  core::block find_cached(core::rdd_id dataset, std::uint32_t partition) override;
  bool store_cached(core::rdd_id dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records) override;
  void commit_map_output(core::shuffle_id shuffle, std::uint32_t map_partition, std::uint64_t attempt,
                         std::vector<std::shared_ptr<const core::block_object>> blocks) override;
  std::unique_ptr<core::shuffle_input> open_shuffle(core::shuffle_id shuffle, std::uint32_t reduce_partition,
                                                    const std::atomic<bool>& cancelled) override;
  core::block fetch_source(core::rdd_id dataset, std::uint32_t partition) override;
  bool reserve_memory(std::size_t bytes) override;
  void release_memory(std::size_t bytes) noexcept override;

private:
  block_service& blocks_;
  const stage_inputs& inputs_;
  task_report& report_;
  const std::atomic<bool>* cancelled_ = nullptr;
};

} // namespace salamander::actors
