// Datasets of simulated jobs: what each is made from, as the scheduler sees it, and how, as a task does it.
#pragma once

#include "record.hpp"

#include <salamander/rdd/lineage.hpp>

#include <map>
#include <memory>

namespace salamander::sim {

enum class op : std::uint8_t {
  generated,     ///< from numbers, anywhere
  held,          ///< the same, but the driver holds the blocks
  map,           ///< value and key change
  filter,        ///< about a quarter goes
  flat_map,      ///< none, one or two of each
  running_sum,   ///< each value with those before it in its partition: order matters
  unite,         ///< narrow, shifted
  coalesce,      ///< narrow, grouped
  zip,           ///< narrow, two parents
  reduce_by_key, ///< wide, combined on the map side, order of first appearance
  group_by_key,  ///< wide, folds the values of a key in their order
  partition_by,  ///< wide, by hash
  repartition,   ///< wide, round robin
  scatter,       ///< wide, at random: no two attempts of a map task agree
  sort,          ///< wide, by range; in total order
  cogroup,       ///< wide, two parents
  count_
};

/// A lineage node with its code.
struct dataset : core::lineage {
  op how = op::generated;
  std::uint32_t parameter = 0; ///< makes two datasets of the same operation differ
  /// Made from something that no two attempts make alike: its records are the same taken together, not partition by partition.
  bool loose = false;
};
using dataset_ptr = std::shared_ptr<dataset>;

std::string_view name_of(op how) noexcept;
constexpr bool is_wide(op how) noexcept {
  return how >= op::reduce_by_key;
}

/// What a task can ask for while it computes a partition.
class partition_inputs {
public:
  virtual ~partition_inputs() = default;
  /// The function of a dataset is about to see the records of a partition.
  virtual void call(const dataset& of, std::uint32_t partition) = 0;
  /// Null: not cached anywhere that is known.
  virtual std::shared_ptr<const records> find_cached(const dataset& of, std::uint32_t partition) = 0;
  virtual void keep(const dataset& of, std::uint32_t partition, const std::shared_ptr<const records>& what) = 0;
  virtual std::shared_ptr<const records> held(const dataset& of, std::uint32_t partition) = 0;
  /// What the map tasks of one of the child's wide dependencies made for a partition, by map partition; null: no records.
  virtual std::vector<std::shared_ptr<const records>> shuffle(const dataset& child, const core::dependency& from,
                                                              std::uint32_t partition) = 0;

private:
  friend std::shared_ptr<const records> compute(const dataset& what, std::uint32_t partition, partition_inputs& from);

  /// Lineage may lead to the same partition in many ways.
  std::map<std::pair<core::rdd_id, std::uint32_t>, std::shared_ptr<const records>> computed_;
};

/// One partition of a dataset, through its narrow dependencies down to sources, caches and shuffles. Each partition on the way is
/// asked for, and kept, once in the life of `from`.
std::shared_ptr<const records> compute(const dataset& what, std::uint32_t partition, partition_inputs& from);

/// What a map task hands to each partition of `child`, of one partition of the parent. `chance` makes scatter's choices.
std::vector<records> split(const dataset& child, const records& from, std::uint32_t map_partition, std::uint64_t chance);

/// The records of a source's partition.
records source_records(const dataset& source, std::uint32_t partition);

} // namespace salamander::sim
