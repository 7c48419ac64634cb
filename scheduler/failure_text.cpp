#include <salamander/scheduler/failure_text.hpp>

#include <array>

namespace salamander::scheduler {

std::string name_of(executor_id executor) {
  if (executor == no_executor)
    return "no executor";
  return executor == kept_files ? std::string("the files of this run") : "executor " + std::to_string(executor.value);
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB"};
  const auto plain = counted(bytes, "byte");
  if (bytes < 1024)
    return plain;
  std::uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
  std::size_t unit = 0;
  for (; tenths >= 10240 && unit + 1 < units.size(); ++unit)
    tenths /= 1024;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + units[unit] + " (" + plain + ")";
}

} // namespace salamander::scheduler
