// The untyped side of a dataset: what it was made from, in how many partitions. All that schedulers need to know.
#pragma once

#include <salamander/rdd/call_site.hpp>
#include <salamander/rdd/ids.hpp>
#include <salamander/rdd/partitioning.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace salamander::core {

struct lineage;

/// Partition p in [first, first + count) is made from partition p - first of the parent; the others take nothing from it (union).
struct shifted {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// Partition p is made from partition p / divisor % modulus of the parent (cartesian). Requires: neither is 0.
struct crossed {
  std::uint32_t divisor = 1;
  std::uint32_t modulus = 1;
};

/// One edge of the lineage graph, from a dataset to one it is made from.
struct dependency {
  enum class kind : std::uint8_t { one_to_one, shifted, grouped, wide, crossed };

  std::shared_ptr<const lineage> parent;
  kind how = kind::one_to_one;
  shifted shift;                                  ///< kind::shifted
  std::vector<std::vector<std::uint32_t>> groups; ///< kind::grouped: partition p is made from the parent partitions groups[p]
  crossed cross;                                  ///< kind::crossed
  shuffle_id shuffle;                             ///< kind::wide: every partition may take from every parent partition

  bool wide() const noexcept {
    return how == kind::wide;
  }

  /// The parent partitions that partition `p` of the child reads, in order. Requires: !wide().
  std::vector<std::uint32_t> parents_of(std::uint32_t p) const;
};

/// A node of the lineage graph. Immutable once it is visible to a second thread, except `cached` and `name`'s owner calls.
struct lineage {
  lineage() = default;
  lineage(const lineage&) = delete;
  lineage& operator=(const lineage&) = delete;
  virtual ~lineage();

  rdd_id id;
  std::string operation; ///< "map", "reduce_by_key", ...
  call_site site;
  std::uint32_t partitions = 0;
  std::vector<dependency> dependencies;
  std::optional<salamander::partitioner> partitioning;
  std::shared_ptr<const void> assigner;         ///< driver only: the key_partitioner behind `partitioning`
  std::vector<std::vector<std::string>> places; ///< driver only: hosts on which partition p is best made; empty: anywhere
  bool barrier = false;                         ///< the tasks of its stage run all at the same time, and may wait for each other
  std::atomic<bool> cached = false;
  std::atomic<bool> indeterminate = false; ///< another run over the same input may give other records, or another order

  /// "map at word_count.cpp:12"
  std::string title() const;
};

/// Whether this dataset, or one that it is made from without a shuffle, says where its partitions are best made.
bool has_places(const lineage& dataset);

/// Hosts on which partition `p` is best made: those that the dataset names, else those of the first partition with some that it is made
/// from without a shuffle. Empty: anywhere.
std::vector<std::string> preferred_hosts(const lineage& dataset, std::uint32_t p);

} // namespace salamander::core
