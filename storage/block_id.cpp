#include <salamander/storage/block_id.hpp>

namespace salamander::storage {

std::string block_id::text() const {
  const auto first = std::to_string(a);
  const auto second = '_' + std::to_string(b);
  switch (kind) {
  case block_kind::cached:
    return "rdd_" + first + second;
  case block_kind::shuffle:
    return "shuffle_" + first + second + '_' + std::to_string(c);
  case block_kind::source:
    return "source_" + first + second;
  case block_kind::result:
    return "result_" + std::to_string((static_cast<std::uint64_t>(b) << 32) | a);
  case block_kind::plan:
    return "plan_" + first + second;
  case block_kind::broadcast:
    return "broadcast_" + first + "_piece" + std::to_string(b);
  case block_kind::outline:
    return "outline_" + first + second;
  }
  return "unknown_" + first + second;
}

} // namespace salamander::storage
