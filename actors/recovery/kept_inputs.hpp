// What is known of a run's files, as it goes to the driver's scheduler, and what comes back.
#pragma once

#include <salamander/actors/executor_runtime.hpp>
#include <salamander/scheduler/events.hpp>

namespace salamander::actors {

static_assert(kept_peer == scheduler::kept_files.value);

/// What goes with a job to the scheduler.
struct kept_inputs {
  std::vector<scheduler::outputs_found> outputs;
  std::vector<scheduler::cached_found> cached;
  std::vector<std::pair<std::uint32_t, std::string>> shuffle_places; ///< shuffles met for the first time, and their directories
  std::vector<std::pair<std::uint32_t, std::string>> dataset_places; ///< the same for cached datasets
  std::string results;                                               ///< file for the job's results; empty: they are not kept
};

/// What was counted while a job ran.
struct counted_contribution {
  enum class kind : std::uint8_t { result, map, cached };
  kind of = kind::result;
  std::uint32_t id = 0; ///< the shuffle or the dataset
  std::uint32_t partition = 0;
  contributed_values values;
};

} // namespace salamander::actors
