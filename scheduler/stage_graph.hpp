// Cuts lineage into stages and keeps those that jobs are using.
#pragma once

#include <salamander/scheduler/cache_table.hpp>
#include <salamander/scheduler/map_output_table.hpp>
#include <salamander/scheduler/stage.hpp>

namespace salamander::scheduler {

/// One stage per shuffle, shared by all jobs that need it, and one result stage per job. Parents have lower ids than children.
/// Lineage is held as long as a job uses the stage; nothing else is kept of a stage afterwards.
class stage_graph {
public:
  stage_graph(map_output_table& outputs, const cache_table& cache) : outputs_(outputs), cache_(cache) {}

  /// The stages of a job, parents before children; the last one is its result stage. Linear in the lineage's size for each stage,
  /// whatever its shape.
  std::vector<stage*> add_job(job_id job, const std::shared_ptr<const core::lineage>& final_dataset, std::vector<std::uint32_t> partitions);

  /// Takes a job off its stages. Returns those that nobody uses any more, children before parents.
  std::vector<std::unique_ptr<stage>> remove_job(job_id job, const std::vector<stage*>& stages);

  stage* find(stage_id id);
  const stage* find(stage_id id) const;
  stage* of_shuffle(shuffle_id shuffle);

  /// The map stages without which the tasks of `of` cannot run now: some of their outputs are missing, and no cached dataset
  /// stands between.
  std::vector<stage*> missing_parents(const stage& of) const;
  /// The map stages whose outputs the tasks of `of` would not read now, as complete cached datasets stand between.
  std::vector<const stage*> hidden_parents(const stage& of) const;

  const std::map<stage_id, std::unique_ptr<stage>>& all() const noexcept {
    return stages_;
  }

private:
  struct frame;
  struct building;

  stage& make(building& job, const std::shared_ptr<const core::lineage>& dataset, const std::vector<stage*>& parents,
              std::vector<const core::lineage*> cached);
  void use(building& job, stage& shared);

  map_output_table& outputs_;
  const cache_table& cache_;
  std::map<stage_id, std::unique_ptr<stage>> stages_;
  std::unordered_map<shuffle_id, stage*, core::id_hash> by_shuffle_;
  std::uint32_t next_ = 0;
};

} // namespace salamander::scheduler
