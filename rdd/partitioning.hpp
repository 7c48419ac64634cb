// How records are spread over partitions, as far as lineage has to know.
#pragma once

#include <cstdint>

namespace salamander {

/// Says which of `partitions` partitions a key belongs to. Two datasets whose partitioners are equal have equal keys in equal
/// partitions, and joining them moves nothing.
struct partitioner {
  enum class kind : std::uint8_t { hash, range, custom };

  kind how = kind::hash;
  std::uint32_t partitions = 0;
  std::uint64_t identity = 0; ///< range and custom: which bounds or which function; hash: 0

  friend bool operator==(const partitioner&, const partitioner&) = default;
};

/// Asks for partitioning by the key's hash into `partitions` parts. An optional without value goes to partition 0.
struct hash_partitioner {
  std::uint32_t partitions = 0;
};

} // namespace salamander
