// Random lineage, as a program would make it: several datasets, some cached, some used by more than one job.
#pragma once

#include "dataset.hpp"
#include "random.hpp"

namespace salamander::sim {

struct graph_shape {
  std::uint32_t datasets = 8;
  std::uint32_t partitions_max = 6; ///< of sources and shuffles; unions have more
  std::uint32_t cached_percent = 0;
  std::uint32_t scatter_percent = 0; ///< of the datasets are shuffles that spread records at random
  bool declares_scatter = false;     ///< and say so
};

/// Datasets in the order in which they are made: parents first. Ids of datasets and shuffles count from 1.
std::vector<dataset_ptr> make_graph(const graph_shape& shape, random_stream random);

/// "5 = reduce_by_key(3), 4 partitions, cached"
std::string describe(const dataset& one);

/// The wide dependencies that lead to `what`, nearest first, each once.
std::vector<const core::dependency*> shuffles_below(const dataset& what);

} // namespace salamander::sim
