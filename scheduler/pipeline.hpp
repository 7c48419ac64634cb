// The narrow part of the lineage graph that one stage computes, and where its tasks had better run.
#pragma once

#include <salamander/scheduler/cache_table.hpp>

#include <functional>
#include <optional>

namespace salamander::scheduler {

/// A wide dependency: number `dependency` of `child`.
struct wide_edge {
  std::shared_ptr<const core::lineage> child;
  std::size_t dependency = 0;

  const core::dependency& get() const {
    return child->dependencies[dependency];
  }
};

/// What a task of a stage that computes some dataset may read.
struct pipeline {
  std::vector<wide_edge> wide;              ///< nearest first, left to right
  std::vector<const core::lineage*> cached; ///< datasets that asked to be cached
  bool indeterminate = false;               ///< one of the datasets declares itself so
  bool barrier = false;                     ///< one of them wants all its tasks at the same time
};

/// Walks narrow dependencies from `root`, with a stack of its own: chains may be a hundred thousand long. Nothing behind a dataset
/// for which `is_cut` holds is visited; the dataset itself is. Linear in datasets and dependencies.
pipeline walk_pipeline(const std::shared_ptr<const core::lineage>& root, const std::function<bool(const core::lineage&)>& is_cut);

/// Finds the executors that hold the cached block nearest to each partition of a dataset, along narrow dependencies.
/// Linear in datasets and dependencies when made, and at most that for each partition: chains of one-to-one dependencies are jumped over.
class block_finder {
public:
  /// `any_cached`: false if it is known that none of the datasets asked to be cached.
  block_finder(const core::lineage& root, const cache_table& cache, bool any_cached = true);

  /// Empty if no such block is cached anywhere.
  std::vector<executor_id> holders(std::uint32_t partition) const;

private:
  struct node {
    const core::lineage* dataset = nullptr;
    bool has_blocks = false;
    std::size_t stands_for = 0;                                        ///< the node where a search that comes here may go on at once
    std::vector<std::pair<const core::dependency*, std::size_t>> ways; ///< that lead to cached blocks
  };

  void add_nodes(const core::lineage& root);

  const cache_table& cache_;
  std::vector<node> nodes_;
  std::optional<std::size_t> root_;
};

} // namespace salamander::scheduler
