// The right answer: lineage evaluated in one thread, without blocks, stages or faults.
#pragma once

#include "dataset.hpp"

#include <string>

namespace salamander::sim {

/// Remembers what it has computed. Threads: use from one thread.
class oracle final : private partition_inputs {
public:
  const records& partition(const dataset& of, std::uint32_t number) {
    return *compute(of, number, *this);
  }

private:
  void call(const dataset&, std::uint32_t) override {}
  std::shared_ptr<const records> find_cached(const dataset&, std::uint32_t) override {
    return nullptr;
  }
  void keep(const dataset&, std::uint32_t, const std::shared_ptr<const records>&) override {}
  std::shared_ptr<const records> held(const dataset& of, std::uint32_t partition) override;
  std::vector<std::shared_ptr<const records>> shuffle(const dataset& child, const core::dependency& from, std::uint32_t partition) override;

  std::map<std::pair<core::shuffle_id, std::uint32_t>, std::vector<std::shared_ptr<const records>>> splits_; ///< by map partition
};

/// How a job's results differ from the right ones; empty: they do not. `partitions`: those that the job asked for. Results of a loose
/// dataset are compared all together.
std::string difference(oracle& right, const dataset& of, const std::vector<std::uint32_t>& partitions, const std::vector<records>& results);

} // namespace salamander::sim
