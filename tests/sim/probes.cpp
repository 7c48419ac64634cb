#include "probes.hpp"

#include <array>
#include <unordered_map>

namespace salamander {

namespace {

/// By the address of the literal, which is only looked up: two of the same text are added later.
thread_local std::unordered_map<const char*, std::uint64_t> passed;
thread_local core::defect switched_on = core::defect::none;

constexpr std::array defect_names{
    "none",
#define SALAMANDER_DEFECT(name) #name,
#include <salamander/rdd/planted_defects.ipp>
#undef SALAMANDER_DEFECT
};

} // namespace

void core::probe_hit(const char* name) noexcept {
  ++passed[name];
}

bool core::planted(defect which) noexcept {
  return which == switched_on;
}

void sim::take_probes(std::map<std::string, std::uint64_t>& sum) {
  for (const auto& [name, times] : passed)
    sum[name] += times;
  passed.clear();
}

void sim::plant(core::defect which) noexcept {
  switched_on = which;
}

std::string_view sim::name_of(core::defect which) noexcept {
  return defect_names[static_cast<std::size_t>(which)];
}

std::optional<core::defect> sim::defect_of(std::string_view name) noexcept {
  for (std::size_t i = 1; i < defect_names.size(); ++i)
    if (name == defect_names[i])
      return static_cast<core::defect>(i);
  return std::nullopt;
}

const std::vector<std::string_view>& sim::known_probes() {
  static const std::vector<std::string_view> all{
#include "known_probes.ipp"
  };
  return all;
}

} // namespace salamander
