// Strong identifiers: a bare integer never names a dataset, a shuffle or a partition.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace salamander::core {

/// An integer that only compares with its own kind.
/// Limits: 2^32 of each kind in one application; none is ever used twice.
template <class Tag, class Rep = std::uint32_t>
struct strong_id {
  Rep value{};

  friend constexpr auto operator<=>(const strong_id&, const strong_id&) = default;
};

using rdd_id = strong_id<struct rdd_tag>;
using shuffle_id = strong_id<struct shuffle_tag>;
using partition_id = strong_id<struct partition_tag>;

/// Hashes any strong id, for the standard's unordered containers.
struct id_hash {
  template <class Tag, class Rep>
  constexpr std::size_t operator()(strong_id<Tag, Rep> id) const noexcept {
    return static_cast<std::size_t>(id.value) * 0x9e3779b97f4a7c15ULL;
  }
};

} // namespace salamander::core
