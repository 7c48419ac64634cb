// Names of blocks: integers, never paths.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace salamander::storage {

enum class block_kind : std::uint8_t {
  cached,    ///< a: dataset, b: partition
  shuffle,   ///< a: shuffle, b: map partition, c: reduce partition
  source,    ///< a: dataset, b: partition; held by the driver
  result,    ///< a: task (low 32 bits), b: task (high 32 bits)
  plan,      ///< a: stage, b: stage attempt; held by the driver
  broadcast, ///< a: broadcast, b: piece; held by the driver and by executors that have fetched it
  outline,   ///< a: shuffle, b: map partition; of what that map output consists, see map_outline
};

struct block_id {
  block_kind kind = block_kind::cached;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;

  friend constexpr auto operator<=>(const block_id&, const block_id&) = default;

  static constexpr block_id cached(std::uint32_t dataset, std::uint32_t partition) noexcept {
    return {block_kind::cached, dataset, partition, 0};
  }
  static constexpr block_id shuffle(std::uint32_t shuffle, std::uint32_t map, std::uint32_t reduce) noexcept {
    return {block_kind::shuffle, shuffle, map, reduce};
  }
  static constexpr block_id source(std::uint32_t dataset, std::uint32_t partition) noexcept {
    return {block_kind::source, dataset, partition, 0};
  }
  static constexpr block_id result(std::uint64_t task) noexcept {
    return {block_kind::result, static_cast<std::uint32_t>(task), static_cast<std::uint32_t>(task >> 32), 0};
  }
  static constexpr block_id plan(std::uint32_t stage, std::uint32_t attempt) noexcept {
    return {block_kind::plan, stage, attempt, 0};
  }

  static constexpr block_id broadcast(std::uint32_t broadcast, std::uint32_t piece) noexcept {
    return {block_kind::broadcast, broadcast, piece, 0};
  }

  static constexpr block_id outline(std::uint32_t shuffle, std::uint32_t map) noexcept {
    return {block_kind::outline, shuffle, map, 0};
  }

  /// "rdd_3_7", "shuffle_1_4_0", ...: for logs and errors.
  std::string text() const;
};

struct block_id_hash {
  std::size_t operator()(const block_id& id) const noexcept {
    std::uint64_t h = (static_cast<std::uint64_t>(id.kind) << 61) ^ (static_cast<std::uint64_t>(id.a) << 32) ^ id.b;
    h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9ULL + id.c;
    return static_cast<std::size_t>((h ^ (h >> 31)) * 0x94d049bb133111ebULL);
  }
};

} // namespace salamander::storage
